"""HeadlessSession against the real sandbox: what it has beyond a Session, the sound of both sides."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import rtc_widget as rtc
from tests.audio.signals import loud_span_ms
from tests.audio.witness import Witness
from tests.log.script import UNFILTERED, Script
from tests.transports.far_end import FarEnd, FarProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rtc_widget.audio import Sound

LONG = "Say exactly this: one two three four five six seven eight nine ten eleven twelve thirteen fourteen."


@pytest.fixture
async def session() -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), instructions="Your name is Bruno.", directory=None
    ) as session:
        yield session


@pytest.fixture(scope="module")
def question() -> Sound:
    return rtc.Sandbox.spoken("What is your name?")


def energy(sound: Sound) -> float:
    return float(np.square(sound.samples.astype(np.float64)).sum()) / sound.sample_rate_hz


async def test_what_the_agent_said_is_kept_to_its_last_word(session: rtc.HeadlessSession) -> None:
    turn = await session.say("What is your name?")
    kept = session.agent_audio()
    said = rtc.Sandbox.spoken(turn.transcript, voice=session.voice).resampled(kept.sample_rate_hz)
    # A coder that makes stereo of it may take 3 dB from each side.
    assert 0.45 * energy(said) < energy(kept) < 1.1 * energy(said)
    assert loud_span_ms(kept)[1] - loud_span_ms(kept)[0] > 0.95 * (
        loud_span_ms(said)[1] - loud_span_ms(said)[0]
    )


async def test_half_a_surrogate_pair_in_a_message_is_carried(session: rtc.HeadlessSession) -> None:
    await session.add_message("user", "bad \ud83d")
    turn = await session.say("What is your name?")
    assert "Bruno" in turn.transcript


async def test_both_sides_lie_on_one_timeline(session: rtc.HeadlessSession, question: Sound) -> None:
    with Witness() as witness:
        turn = await session.play(question)
    row = session.turns.iloc[turn.index]
    end_ms = float(session.events["t_ms"].iloc[-1])
    user, agent = session.user_audio(0.0, end_ms), session.agent_audio(0.0, end_ms)
    assert len(user.samples) == len(agent.samples) == round(end_ms * 24)
    _, last_word_ms = loud_span_ms(user)
    first_answer_ms, _ = loud_span_ms(agent)
    # The agent answers after the pause that its detector waits for, and is heard when it says so.
    assert last_word_ms + 200 < first_answer_ms
    assert first_answer_ms == pytest.approx(float(row["t_first_audio_ms"]), abs=300 + witness.stalled_ms)
    assert last_word_ms < float(row["t_speech_stopped_ms"]) + 50


async def test_a_stream_is_spoken_input_too(session: rtc.HeadlessSession, question: Sound) -> None:
    async def speech() -> AsyncIterator[np.ndarray[Any, Any]]:
        for start in range(0, len(question.samples), 1_000):
            yield question.samples[start : start + 1_000]
            await asyncio.sleep(0)

    turn = await session.play(speech(), sample_rate_hz=question.sample_rate_hz)
    assert turn.transcript == "My name is Bruno."


async def test_an_array_is_spoken_input_too(session: rtc.HeadlessSession, question: Sound) -> None:
    floats = question.samples.astype(np.float32) / 32_768
    turn = await session.play(np.stack([floats, floats]), sample_rate_hz=question.sample_rate_hz)
    assert turn.transcript == "My name is Bruno."


async def test_a_cell_that_blocks_leaves_no_gap_and_misses_no_event(session: rtc.HeadlessSession) -> None:
    """What a cell with time.sleep(40) does, for 3 s: the test's own loop stands still meanwhile."""
    answer = session.say(LONG)
    await session.wait_for("response.output_audio_transcript.done")
    before_ms = session._peer.agent_audio.t_end_ms
    assert before_ms is not None
    with Witness() as witness:
        time.sleep(3.0)  # noqa: ASYNC251 - the very thing
        after_ms = session._peer.agent_audio.t_end_ms
    turn = await answer
    assert session.status == "live"
    assert after_ms is not None
    assert after_ms - before_ms > 2_000 - witness.stalled_ms
    events = session.events
    deltas = events[events["type"] == "response.output_audio_transcript.delta"]
    assert "".join(deltas.rtc.path("delta")) == turn.transcript


async def test_the_service_ending_the_call_is_noticed_and_the_session_can_call_again(
    session: rtc.HeadlessSession,
) -> None:
    rtc_call_id = session.calls["rtc_call_id"].iloc[0]
    ended = session.wait_for("rtc.state", since=len(session.event_log))
    await asyncio.wrap_future(rtc._loop.submit(session.provider.hang_up(rtc_call_id)))
    assert (await ended)["state"] == "ended"
    await session.connect()
    turn = await session.say("What is your name?")
    assert turn.transcript == "My name is Bruno."
    assert len(session.calls) == 2


def test_a_session_without_the_extra_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "rtc_widget.headless.find_spec", lambda name: None if name == "aiortc" else find_spec(name)
    )
    with pytest.raises(rtc.ConfigurationError, match=r"pip install 'rtc_widget\[peer\]'"):
        rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)


def test_before_a_call_there_is_no_sound() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    assert session.agent_audio().seconds == 0
    assert session.user_audio(0.0, 100.0).seconds == pytest.approx(0.1)
    session.close()


@pytest.mark.parametrize("rate", [0, -1, 24_000.5, "fast"])
def test_a_stream_with_an_impossible_rate_is_refused(rate: Any) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(rtc.ConfigurationError, match="cannot be"):
        session.play(nothing(), sample_rate_hz=rate)
    session.close()


def test_it_is_used_in_a_script_with_result_only(question: Sound) -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), instructions="Your name is Clara.", directory=None)
    session.connect().result(90)
    assert session.play(question).result(60).transcript == "My name is Clara."
    session.hang_up().result(10)
    session.close()


SCRIPT = """
import sys
import rtc_widget as rtc

s = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=sys.argv[1], record=True)
s.connect().result()
s.say("What is your name?").result()
if sys.argv[2] == "closes":
    s.close()
"""


@pytest.mark.parametrize("ending", ["closes", "just ends"])
def test_a_script_leaves_a_finished_recording(tmp_path: Path, ending: str) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path, ending], check=True, timeout=60)
    (folder,) = tmp_path.iterdir()
    assert (folder / "session.json").is_file()
    assert list(folder.glob("frames-*/turns.parquet"))
    assert sorted(path.suffix for path in folder.glob("*.flac")) == [".flac", ".flac"]
    loaded = rtc.load(folder)
    states = [record.event["state"] for record in loaded.event_log.records(types={"rtc.state"})]
    assert states[-1] == "ended"
    assert "agent" in set(loaded.segments["track"])


async def test_closing_may_be_awaited_and_goes_on_when_nobody_waits(tmp_path: Path) -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=tmp_path)
    await session.connect()
    first = session.close()
    first.cancel()
    await session.close()
    assert session.status == "ended"
    assert session.folder is not None
    assert (session.folder / "session.json").is_file()


@pytest.mark.parametrize("given_up_after_s", [0.0, 0.03])
async def test_a_call_that_was_given_up_is_taken_down_before_the_next_is_made(
    given_up_after_s: float,
) -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        await session.hang_up()
        for _ in range(2):
            given_up = session.connect()
            await asyncio.sleep(given_up_after_s)
            assert given_up.cancel()
            assert given_up.cancelled()
        connecting = session.connect()
        with pytest.raises(rtc.ConfigurationError, match=r"a call already \(connecting\)"):
            session.connect()
        await connecting
        assert session.status == "live"
        states = [record.event for record in session.event_log.records(types={"rtc.state"})]
        assert [one["state"] for one in states if one["call"] == 4] == ["connecting", "live"]
        assert states[-1]["call"] == 4


async def test_a_closed_session_makes_no_call_and_says_what_does(tmp_path: Path) -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=tmp_path)
    async with session:
        pass
    before = len(session.event_log)
    for again in (session.connect, session.__aenter__):
        with pytest.raises(rtc.ConfigurationError, match=r"Make a new one.*rtc\.resume\("):
            await again()
    with pytest.raises(rtc.ConnectionFailed, match=r"the session is closed\. Make a new one"):
        await session.say("Hello.")
    assert len(session.event_log) == before
    assert session.status == "ended"


async def test_a_session_that_is_being_closed_makes_no_call() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    await session.connect()
    closing = session.close()
    with pytest.raises(rtc.ConfigurationError, match=r"closed\. Make a new one"):
        async with session:
            pass
    await closing


async def test_a_widget_s_block_ends_with_a_closed_log_and_the_error_that_was_raised_in_it(
    tmp_path: Path,
) -> None:
    widget = rtc.RealtimeWidget(provider=rtc.Sandbox(), directory=tmp_path)
    widget.event_log.note("rtc.probe")

    async def fail() -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_exit(widget)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert len(rtc.load(tmp_path / str(widget.folder)).event_log) == 1
    with pytest.raises(rtc.ConfigurationError, match="closed"):
        widget.connect()


async def test_a_turn_that_is_to_come_has_nothing_yet(session: rtc.HeadlessSession, question: Sound) -> None:
    await session.update(turn_detection=None)
    async with session.push_to_talk():
        turn = await session.play(question)
        assert (turn.item_ids, turn.response_ids, turn.transcript, len(turn.usage)) == ([], [], "", 0)
    assert len(turn.item_ids) == 1


def len_of(text: str) -> int:
    """Count letters."""
    return len(text)


@pytest.mark.parametrize(
    "command",
    [
        lambda session: session.update(instructions="Be brief."),
        lambda session: session.on("response.done", print),
        lambda session: session.tool(len_of),
    ],
)
async def test_a_closed_session_takes_no_command_and_says_so(command: Any) -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    await session.close()
    with pytest.raises(rtc.ConfigurationError, match="This session is closed"):
        command(session)


async def test_where_a_filter_hides_the_session_the_log_has_what_was_asked_for() -> None:
    vad = {"type": "server_vad", "silence_duration_ms": 200}
    calm = rtc.Variant("calm", instructions="Be calm.", turn_detection=vad)
    with FarEnd(greets=False) as far:
        async with rtc.HeadlessSession(provider=FarProvider(far), directory=None, variant=calm) as session:
            assert session.config.empty
            script = Script()
            script.spoken_turn("One tea.", "One tea coming.")
            for _, event in script.rows:
                if event["type"] in UNFILTERED:
                    far.send(json.dumps(event))
            await session.wait_for("output_audio_buffer.stopped", since=0)
            (row,) = session.config.to_dict("records")
            assert (row["version"], row["cause"], row["variant"]) == (1, "connect", "calm")
            assert json.loads(row["effective"])["instructions"] == "Be calm."
            (turn,) = session.turns.to_dict("records")
            assert (turn["variant"], turn["transcript"]) == ("calm", "One tea coming.")
            assert turn["latency_inferred_ms"] > 0


async def test_what_a_filter_hides_is_waited_for_in_vain_and_the_error_says_how_to_see_it() -> None:
    class Filtered(FarProvider):
        hides = "webrtcfilter=True"

    with FarEnd(greets=False) as far:
        async with rtc.HeadlessSession(provider=Filtered(far), directory=None) as session:
            with pytest.raises(rtc.WaitTimeout, match=r"webrtcfilter=True hides events: .*sideband=True"):
                await session.update(instructions="Be calm.", timeout=0.2)
            with pytest.raises(rtc.WaitTimeout, match="sideband=True"):
                await session.say("Hello.", timeout=0.2)


@pytest.mark.parametrize(("signaling", "step"), [("ephemeral", "secret"), ("kernel", "offer")])
async def test_certificates_that_are_not_there_fail_the_first_step_of_a_call(
    monkeypatch: pytest.MonkeyPatch, signaling: str, step: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    provider = rtc.OpenAI("sk-canary", base_url="http://127.0.0.1:9/v1")
    session = rtc.HeadlessSession(provider=provider, signaling=signaling, directory=None)
    with pytest.raises(rtc.ConnectionFailed, match=r"SSL_CERT_FILE=/no/such/file\.pem") as caught:
        await session.connect()
    await session.close()
    assert caught.value.step == step
    assert "SSL_CERT_FILE" in session.calls["reason"].iloc[0]


def test_a_closed_widget_makes_no_call() -> None:
    widget = rtc.RealtimeWidget(provider=rtc.Sandbox(), directory=None)
    widget.close()
    with pytest.raises(rtc.ConfigurationError, match=r"closed\. Make a new one"):
        widget.connect()
    assert len(widget.event_log) == 0


INTERRUPTED = """
import asyncio, os, signal
import rtc_widget as rtc

signal.signal(signal.SIGINT, lambda *_: print("interrupted"))

async def main():
    async with rtc.HeadlessSession(directory=None, output_modalities=["text"]) as session:
        os.killpg(0, signal.SIGINT)
        await asyncio.sleep(0.5)
        print((await session.say("Hello.")).status)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no groups of processes to interrupt")
def test_interrupting_the_kernel_leaves_its_sandbox_and_the_call_alone() -> None:
    code = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(
        code, check=False, capture_output=True, text=True, timeout=60, start_new_session=True
    )
    assert done.stdout.split() == ["interrupted", "completed"], done.stderr
