"""A whole session with Hugging Face's speech-to-speech behind `Compatible`: all theirs but the models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import rtc_widget as rtc
from tests.foreign import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).parent / "server.py"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rtc.Compatible]:
    assert PACKAGES.is_dir(), f"pip install --no-deps --target {PACKAGES} speech-to-speech (make does it)"
    log = tmp_path_factory.mktemp("foreign") / "stderr.log"
    paths = os.pathsep.join([str(PACKAGES), os.environ["PYTHONPATH"]])
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        yield rtc.Compatible(json.loads(line)["base_url"])
        process.terminate()


async def test_a_session_runs_from_its_first_event_to_its_frames(foreign: rtc.Compatible) -> None:
    async with rtc.HeadlessSession(
        provider=foreign, signaling="kernel", directory=None, instructions="Be brief.", voice="marin"
    ) as session:
        # It takes no session with the offer: that went as an update, which it has confirmed.
        assert session.instructions == "Be brief."
        turn = await session.say("Hello there.")
        assert turn.transcript == "Here is a tone."
        heard = session.agent_audio().samples.astype(np.float64)
        assert np.sqrt(np.mean(heard[np.abs(heard) > 100] ** 2)) > 1_000
        second = await session.say("And again.")
        assert second.transcript == "Here is a tone."
        assert len(session.turns) == 2
        assert list(session.turns["status"]) == ["completed", "completed"]
        # What it never sends is missing, and nothing breaks of it.
        assert session.rate_limits.empty
        assert session.errors.empty
        for name in ("calls", "events", "items", "responses", "tool_calls", "usage", "stats"):
            assert getattr(session, name) is not None
    assert session.status == "ended"
    assert session.calls["rtc_call_id"].notna().all()


async def test_without_a_place_for_secrets_the_other_signaling_is_named(foreign: rtc.Compatible) -> None:
    session = rtc.HeadlessSession(provider=foreign, directory=None)
    with pytest.raises(rtc.SecretError, match='signaling="kernel"'):
        await session.connect()
    await session.__aexit__(None, None, None)
