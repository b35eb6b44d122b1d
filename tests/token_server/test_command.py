"""`python -m rtc_widget token-server`: starts, mints for a user of its file, and says why when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from rtc_widget.__main__ import main
from tests.providers.service import Service, serve

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-ada-0123456789"  # noqa: S105 - a canary
PAGE = "http://localhost:3000"


def test_it_serves_the_users_of_its_file(tmp_path: Path) -> None:
    service = Service()
    service.answer(200, {"value": "ek_1", "expires_at": 1_800_000_000})
    server = serve(service)
    (tmp_path / "users").write_text(f"# who may ask\nada {TOKEN}\n")
    (tmp_path / "session.json").write_text(json.dumps({"voice": "cedar"}))
    command = [sys.executable, "-m", "rtc_widget", "token-server", "--port", "0", "--origin", PAGE]
    command += ["--users", "users", "--session", "session.json", "--provider", "openai"]
    environment = {**os.environ, "OPENAI_API_KEY": "sk-canary", "OPENAI_BASE_URL": service.base_url}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        known = httpx.post(url, headers={"origin": PAGE, "authorization": f"Bearer {TOKEN}"}, timeout=30)
        stranger = httpx.post(url, headers={"origin": PAGE, "authorization": "Bearer guess"}, timeout=30)
        process.terminate()
    server.shutdown()
    server.server_close()
    assert (known.status_code, known.json()["value"]) == (200, "ek_1")
    assert stranger.status_code == 401
    assert len(service.requests) == 1
    assert json.loads(service.requests[0][2])["session"]["audio"]["output"]["voice"] == "cedar"
    lines = (tmp_path / "rtc_tokens.jsonl").read_text().splitlines()
    outcomes = [json.loads(line)["outcome"] for line in lines]
    assert [outcome.split(":")[0] for outcome in outcomes] == ["minted", "refused"]


@pytest.mark.parametrize(
    ("users", "options", "words"),
    [
        (None, [], "cannot be read"),
        ("", [], "holds no user"),
        ("ada short-canary", [], "line 1"),
        (f"ada {TOKEN}\nada {TOKEN}", [], "line 2"),
        (f"ada {TOKEN}", ["--port", "70000"], "70000"),
        (f"ada {TOKEN}", ["--base-url", "http://127.0.0.1:9/v1"], "--provider"),
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


def test_a_command_that_is_none_shows_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    assert "token-server" in capsys.readouterr().err
