"""Our client against a server that is not ours."""

import sys
from pathlib import Path

PACKAGES = Path(sys.prefix) / "foreign"
"""Where `make` puts programs that are not ours, without what they ask for."""
