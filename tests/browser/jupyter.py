"""A JupyterLab server of our own: one process on a free port, with nothing of the user's in it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

START_S = 60
PLAIN_HOST = "lab.test"
"""A name of this machine that a browser takes for another one: pages of it are not a secure context."""

CONFIG = f"""
import os, signal, sys, threading

def end_with_pytest():  # whatever ended it: its end of the pipe is gone then
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_pytest, daemon=True).start()
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.local_hostnames = ["localhost", "{PLAIN_HOST}"]
c.ServerApp.terminals_enabled = False
# JupyterLab would look at each load, for most of a second, whether there is something to build.
c.ServerApp.tornado_settings = {{"page_config_data": {{"buildAvailable": False, "buildCheck": False}}}}
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.expose_app_in_browser = True
c.LabApp.extension_manager = "readonly"
c.LabApp.news_url = None
c.LanguageServerManager.autodetect = False
"""

SETTINGS: dict[str, dict[str, object]] = {
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
    "@jupyterlab/apputils-extension/themes": {"adaptive-theme": False, "theme": "JupyterLab Light"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


@dataclass
class Jupyter:
    """A running server.

    Attributes
    ----------
    folder
        Its root: where notebooks are.
    log
        Its stderr, kernels' included.
    """

    folder: Path
    log: Path
    token: str
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def runtime(self) -> Path:
        """Where the connection files of its kernels are."""
        return self.log.parent / "runtime"

    async def request(self, method: str, path: str) -> Any:
        """Ask its API, and return the JSON it answers."""
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            answer = await client.request(
                method, f"{self.url}/api/{path}", headers={"Authorization": f"token {self.token}"}
            )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def end_kernels(self) -> None:
        """Shut down every kernel, and so what they started."""
        for session in await self.request("GET", "sessions"):
            await self.request("DELETE", f"sessions/{session['id']}")

    def add_kernel(self, name: str, packages: Path) -> None:
        """Offer a kernel of this Python that finds these packages before its own."""
        spec = self.log.parent / f"data/kernels/{name}/kernel.json"
        spec.parent.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        path = os.pathsep.join([str(packages), self.environment["PYTHONPATH"]])
        spec.write_text(
            json.dumps(
                {"argv": argv, "display_name": name, "language": "python", "env": {"PYTHONPATH": path}}
            ),
            "utf-8",
        )

    def write_notebook(self, name: str, cells: list[str], *, kernel: str = "python3") -> Path:
        """Write a notebook of code cells into the folder, for the kernel of this Python or another one."""
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": secrets.token_hex(4),
                    "metadata": {},
                    "outputs": [],
                    "source": cell,
                }
                for cell in cells
            ],
            "metadata": {
                "kernelspec": {"display_name": kernel, "language": "python", "name": kernel},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        path = self.folder / name
        path.write_text(json.dumps(notebook), "utf-8")
        return path


@asynccontextmanager
async def run_jupyter(folder: Path, environment: dict[str, str] | None = None) -> AsyncIterator[Jupyter]:
    """Run a JupyterLab server while the block lasts.

    Parameters
    ----------
    folder
        An empty folder for all it reads and writes; its own root is `folder/root`.
    environment
        What its kernels shall see beside this process's own environment.
    """
    jupyter = Jupyter(folder=folder / "root", log=folder / "jupyter.log", token=secrets.token_hex(16))
    jupyter.folder.mkdir(parents=True)
    _write_settings(folder)
    jupyter.environment = {**os.environ, **_folders(folder), **(environment or {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={jupyter.folder}",
        cwd=jupyter.folder,
        env={**jupyter.environment, "JUPYTER_TOKEN": jupyter.token},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    reader = asyncio.create_task(_read_log(process, jupyter.log, port))
    try:
        jupyter.port = await asyncio.wait_for(port, START_S)
        yield jupyter
        await jupyter.end_kernels()
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reader


def _folders(folder: Path) -> dict[str, str]:
    """Name the folders that Jupyter, IPython and everything under HOME shall use."""
    home = folder / "home"
    home.mkdir()
    return {
        "HOME": str(home),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


def _write_settings(folder: Path) -> None:
    config = folder / "config/jupyter_server_config.py"
    config.parent.mkdir()
    config.write_text(CONFIG, "utf-8")
    for plugin, values in SETTINGS.items():
        path = folder / f"settings/{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), "utf-8")


async def _read_log(process: asyncio.subprocess.Process, path: Path, port: asyncio.Future[int]) -> None:
    """Copy stderr into a file, and find the port in it."""
    assert process.stderr is not None
    with path.open("wb") as log:
        async for line in process.stderr:
            log.write(line)
            log.flush()
            found = re.search(rb"http://127\.0\.0\.1:(\d+)/lab", line)
            if found and not port.done():
                port.set_result(int(found[1]))
    if not port.done():
        port.set_exception(RuntimeError(f"JupyterLab did not start: see {path}"))
