"""`python -m rtc_widget.sandbox` starts, says where it is, and says why when it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rtc_widget.sandbox.__main__ import main
from tests.sandbox.service import running

if TYPE_CHECKING:
    from pathlib import Path


def test_it_stops_when_its_stdin_closes_and_listens_on_loopback_alone(tmp_path: Path) -> None:
    with running(tmp_path / "stderr.log") as service:
        port = int(service.base_url.rsplit(":", 1)[1].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        with pytest.raises(OSError):  # noqa: PT011 - each system has its own words for it
            socket.create_connection(("127.0.0.2", port), 5)


def test_a_taken_port_is_named_with_a_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"Port {port}" in error
    assert "--port 0" in error


def test_a_port_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "70000"]) == 2
    assert "70000" in capsys.readouterr().err


def test_rules_that_are_none_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--rules", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["aiortc", "espeakng_loader", "websockets"])
def test_a_missing_package_is_named_with_the_command_that_brings_it(package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from rtc_widget.sandbox.__main__ import main\n"
        "sys.exit(main(['--port', '0']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip().endswith("pip install 'rtc_widget[sandbox]'.")


def test_voice_and_ears_work_without_aiortc() -> None:
    code = (
        "import sys; sys.modules['aiortc'] = None; sys.modules['av'] = None\n"
        "from rtc_widget.sandbox.voice import synthesise\n"
        "from rtc_widget.sandbox.ears import recognise\n"
        "from rtc_widget.sandbox.sound import resample\n"
        "pcm, rate = synthesise('How many people live in Paris?', voice='cedar')\n"
        "print(rate, recognise(resample(pcm, rate, 16000)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.lower().startswith("22050 how many people")


def test_without_recognition_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rtc_widget.sandbox import recognition

    monkeypatch.setattr("moonshine_voice.utils.get_model_path", lambda _: tmp_path)
    assert "encoder_model.ort" in (recognition.available() or "")
    monkeypatch.setitem(sys.modules, "moonshine_voice.utils", None)
    assert "pip install 'rtc_widget[sandbox]'" in (recognition.available() or "")
