"""`python -m rtc_widget COMMAND`: what runs without a notebook."""

from __future__ import annotations

import sys

_USAGE = """usage: python -m rtc_widget token-server --origin URL --users FILE …

  token-server   client secrets for pages outside the notebook (--help says more)

The sandbox is a command of its own: python -m rtc_widget.sandbox.
"""


def main(arguments: list[str]) -> int:
    """Run a command; return its exit status."""
    if arguments[:1] == ["token-server"]:
        from rtc_widget.token_server.command import main as token_server

        return token_server(arguments[1:])
    wants_help = arguments[:1] in (["-h"], ["--help"])
    (sys.stdout if wants_help else sys.stderr).write(_USAGE)
    return 0 if wants_help else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
