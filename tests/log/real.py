"""Where recordings of the real API stand, if they do."""

from __future__ import annotations

from pathlib import Path

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
