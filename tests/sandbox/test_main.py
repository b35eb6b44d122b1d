"""`python -m rtc_widget.sandbox` starts, says where it is, and says why when it cannot."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rtc_widget.sandbox.__main__ import main
from tests.sandbox.service import running
from tests.sandbox.socket_client import socket as realtime

if TYPE_CHECKING:
    from pathlib import Path


def test_it_stops_when_its_stdin_closes_and_listens_on_loopback_alone(tmp_path: Path) -> None:
    with running(tmp_path / "stderr.log") as service:
        port = int(service.base_url.rsplit(":", 1)[1].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        with pytest.raises(OSError):  # noqa: PT011 - each system has its own words for it
            socket.create_connection(("127.0.0.2", port), 5)


async def test_what_clients_do_wrong_is_told_to_them_and_leaves_no_alarm_in_the_log(tmp_path: Path) -> None:
    nobody = {"type": "mcp", "server_label": "nobody", "server_url": "http://127.0.0.1:9/mcp"}
    session = {"type": "realtime", "tools": [nobody]}
    with running(tmp_path / "stderr.log") as service:
        address = service.base_url.replace("http", "ws", 1)
        for path in ("realtime?model=sandbox", "nowhere"):
            with pytest.raises(InvalidStatus):
                await connect(f"{address}/{path}", proxy=None)
        async with httpx.AsyncClient(headers=service.authorization, trust_env=False) as http:
            answer = await http.post(
                f"{service.base_url}/realtime/calls",
                content=b"v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
                headers={"Content-Type": "application/sdp"},
            )
        told = answer.json()["error"]["message"]
        assert told.startswith("Invalid SDP offer: ")
        assert re.search(r"\w", told.removeprefix("Invalid SDP offer: "))
        async with realtime(service, "model=sandbox") as client:
            await client.send("session.update", session=session)
            await client.wait_for("mcp_list_tools.failed")
    log = service.log.read_text()
    assert "listening at" in log
    assert "ERROR" not in log
    assert "Traceback" not in log


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
