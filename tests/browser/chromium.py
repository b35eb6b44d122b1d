"""Find a browser of Chromium's family; `python chromium.py --install` installs one where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
NONE_FOUND = (
    "No Chrome, Chromium or Edge on PATH, where they are usually installed, or in Playwright's folder. "
    "Install one (Debian, Ubuntu: apt-get install chromium), or run: "
    f"{sys.executable} -m playwright install chromium"
)


def find_chromium() -> str | None:
    """Return the path of a browser to test in, or None.

    `RTC_WIDGET_BROWSER` names one by hand; then what is on PATH, what is installed, what Playwright has.
    """
    chosen = os.environ.get("RTC_WIDGET_BROWSER")
    if chosen:
        return shutil.which(chosen)
    on_path = next(filter(None, map(shutil.which, COMMANDS)), None)
    return on_path or next(filter(os.path.exists, PLACES), None) or _playwright_chromium()


def install_chromium() -> None:
    """Install a browser: on Debian its own for root, else Playwright's.

    Raises
    ------
    subprocess.CalledProcessError
        When the installer fails.
    """
    playwright = [sys.executable, "-m", "playwright", "install"]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    apt_get = shutil.which("apt-get") if is_root else None
    if apt_get and _is_debian():
        _run(apt_get, "--quiet", "update")
        _run(apt_get, "--quiet", "install", "--yes", "--no-install-recommends", "chromium")
    elif apt_get:
        _run(*playwright, "--with-deps", "chromium")
    else:
        _run(*playwright, "chromium")


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text("utf-8").splitlines()


def _run(*command: str) -> None:
    _say(" ".join(command))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)


def _playwright_chromium() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _say(text: str) -> None:
    print(f"rtc_widget: {text}", flush=True)  # noqa: T201 - a command line speaks


def _main() -> None:
    path = find_chromium()
    if path is None and "--install" in sys.argv:
        _say("no Chrome, Chromium or Edge on this machine: installing one for the browser tests")
        try:
            install_chromium()
        except subprocess.CalledProcessError as error:
            sys.exit(f"rtc_widget: {error}\n{NONE_FOUND}")
        path = find_chromium()
    if path is None:
        sys.exit(f"rtc_widget: {NONE_FOUND}")
    _say(f"the browser tests use {path}")


if __name__ == "__main__":
    _main()
