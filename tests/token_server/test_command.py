"""`python -m rtc_widget token-server`: starts, mints for a user of its file, and says why when it cannot."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rtc_widget.__main__ import main
from tests.providers.service import Service, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-ada-0123456789"  # noqa: S105 - a canary
PAGE = "http://localhost:3000"


class Running:
    """The command as a process of its own, in a folder, for a user of its file."""

    def __init__(self, url: str, service: Service, folder: Path) -> None:
        self.url = url
        self.service = service
        self.folder = folder

    def ask(self, token: str = TOKEN, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"origin": PAGE, "authorization": f"Bearer {token}", **named}
        return httpx.post(self.url, headers=sent, timeout=30)

    @property
    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "rtc_tokens.jsonl").read_text().splitlines()]


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    service = Service()
    service.answer(200, {"value": "ek_1", "expires_at": 1_800_000_000})
    server = serve(service)
    (folder / "users").write_text(f"# who may ask\nada {TOKEN}\n")
    command = [sys.executable, "-m", "rtc_widget", "token-server", "--port", "0", "--origin", PAGE]
    command += ["--users", "users", "--provider", "openai", *options]
    environment = {**os.environ, "OPENAI_API_KEY": "sk-canary", "OPENAI_BASE_URL": service.base_url}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Running(json.loads(process.stdout.readline())["url"], service, folder)
        finally:
            process.terminate()
    server.shutdown()
    server.server_close()


def test_it_serves_the_users_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(json.dumps({"voice": "cedar"}))
    with running(tmp_path, "--session", "session.json") as command:
        known = command.ask()
        stranger = command.ask("guess")
    assert (known.status_code, known.json()["value"]) == (200, "ek_1")
    assert stranger.status_code == 401
    (asked,) = command.service.requests
    assert json.loads(asked[2])["session"]["audio"]["output"]["voice"] == "cedar"
    assert [line["outcome"].split(":")[0] for line in command.audit] == ["minted", "refused"]


def test_nobody_chooses_the_address_that_the_audit_has_of_him(tmp_path: Path) -> None:
    with running(tmp_path) as command:
        command.ask(X_Forwarded_For="8.8.8.8")
    assert [line["address"] for line in command.audit] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("proxy", "address"), [("127.0.0.1", "8.8.8.8"), ("127.0.0.0/8", "8.8.8.8"), ("10.0.0.7", "127.0.0.1")]
)
def test_a_proxy_that_is_trusted_says_whose_address_the_audit_has(
    tmp_path: Path, proxy: str, address: str
) -> None:
    with running(tmp_path, "--trusted-proxy", proxy) as command:
        command.ask(X_Forwarded_For="8.8.8.8")
    assert [line["address"] for line in command.audit] == [address]


def drip(connection: socket.socket) -> bytes:
    """Send a drop now and then until the other side has closed; return what came."""
    found, until_s = b"", time.monotonic() + 30
    with contextlib.suppress(ConnectionError):  # it closed while a drop was on its way
        while time.monotonic() < until_s:
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                piece = connection.recv(4096)
                if not piece:
                    return found
                found += piece
        pytest.fail("the connection is still there")
    return found


def test_whoever_sends_a_body_drop_by_drop_is_let_go(tmp_path: Path) -> None:
    """In its own time: the limit is 10 s."""
    with running(tmp_path) as command:
        place = httpx.URL(command.url)
        head = f"POST /token HTTP/1.1\r\nHost: a\r\nOrigin: {PAGE}\r\nAuthorization: Bearer {TOKEN}\r\n"
        with socket.create_connection((place.host, place.port or 0)) as connection:
            connection.sendall(f"{head}Content-Length: 4000\r\n\r\n".encode())
            connection.settimeout(0.2)
            found = drip(connection)
    assert found.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("users", "options", "words"),
    [
        (None, [], "cannot be read"),
        ("", [], "holds no user"),
        ("ada short-canary", [], "line 1"),
        (f"ada {TOKEN}\nada {TOKEN}", [], "line 2"),
        (f"ada {TOKEN}", ["--port", "70000"], "70000"),
        (f"ada {TOKEN}", ["--base-url", "http://127.0.0.1:9/v1"], "--provider"),
        (f"ada {TOKEN}", ["--trusted-proxy", "*"], "10.0.0.7"),
        (f"ada {TOKEN}", ["--seconds", "5"], "cannot live"),
        (f"ada {TOKEN}", ["--session", "none.json"], "none.json"),
    ],
)
def test_it_says_why_it_cannot_start_and_shows_no_token(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    users: str | None,
    options: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    if users is not None:
        (tmp_path / "users").write_text(users)
    assert main(["token-server", "--origin", PAGE, "--users", "users", *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "canary" not in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ({"temperature": 0.8}, "temperature no more"),
        ({"instructions": 5}, "session.instructions: 5 (int) is not a string"),
        ({"colour": "red"}, "colour="),
    ],
)
def test_it_says_in_a_line_what_is_wrong_with_the_session_of_its_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    session: dict[str, Any],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    (tmp_path / "users").write_text(f"ada {TOKEN}")
    (tmp_path / "session.json").write_text(json.dumps(session))
    command = ["token-server", "--origin", PAGE, "--users", "users", "--session", "session.json"]
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The token server cannot start. ")
    assert words in line


def test_whoever_goes_away_in_the_middle_of_a_body_is_audited_so_and_is_no_failure(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as command:
        place = httpx.URL(command.url)
        head = f"POST /token HTTP/1.1\r\nHost: a\r\nOrigin: {PAGE}\r\nAuthorization: Bearer {TOKEN}\r\n"
        with socket.create_connection((place.host, place.port or 0)) as connection:
            connection.sendall(f"{head}Content-Length: 4000\r\n\r\n{{".encode())
            time.sleep(0.3)  # until it reads the body
        until_s = time.monotonic() + 10
        while not command.audit and time.monotonic() < until_s:
            time.sleep(0.05)
        (line,) = command.audit
    assert line["outcome"] == "refused: 400 The body broke off: whoever sent it is gone."
    assert line["requester"] == "ada"
    said = capfd.readouterr().err
    assert "ERROR" not in said
    assert "Traceback" not in said


def test_a_command_that_is_none_shows_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    assert "token-server" in capsys.readouterr().err
