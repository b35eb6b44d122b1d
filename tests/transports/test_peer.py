"""The peer transport against a real far end on 127.0.0.1: events, audio on time, and every way to fail."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from concurrent.futures import Future
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtc_widget._errors import ConfigurationError, ConnectionFailed, ProtocolError, SecretError
from rtc_widget._loop import submit
from rtc_widget.log.event_log import EventLog
from rtc_widget.transports.base import CallRequest
from rtc_widget.transports.peer import Peer
from tests.audio.signals import strength, tone, tone16
from tests.audio.witness import Witness
from tests.transports.far_end import FarEnd, FarProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from rtc_widget.log.event_log import Record

SESSION = {"type": "realtime", "model": "far"}


class Line:
    """A peer, its log, its far end and the provider between them, for calls from the test's thread."""

    def __init__(self, far: FarEnd) -> None:
        self.far = far
        self.log = EventLog()
        self.provider = FarProvider(far)
        self.sent: list[tuple[bytes, float]] = []
        self.received: list[tuple[bytes, float]] = []
        self.peer = Peer(
            self.log,
            on_sent=lambda pcm, t_ms: self.sent.append((pcm, t_ms)),
            on_received=lambda pcm, t_ms: self.received.append((pcm, t_ms)),
        )

    def run(self, work: Any, timeout: float = 20.0) -> Any:
        return submit(work).result(timeout)

    def connect(self, **how: Any) -> None:
        how = {"signaling": "ephemeral", "microphone": "auto", "attempt": 1, **how}
        self.run(self.peer.connect(CallRequest(provider=self.provider, session=SESSION, **how)))

    def notes(self, type: str = "rtc.state") -> list[dict[str, Any]]:
        return [event for event in self.log if event["type"] == type]

    def wait(self, test: Callable[[Record], bool], timeout: float = 10.0) -> None:
        """Wait until the log holds a record for which a test is true."""
        found: Future[None] = Future()

        def look(record: Record) -> None:
            if test(record) and not found.done():
                found.set_result(None)

        stop = self.log.observe(look)
        for record in self.log.records():
            look(record)
        try:
            found.result(timeout)
        finally:
            stop()

    def ended(self) -> None:
        self.wait(lambda record: record.event.get("state") == "ended")


@pytest.fixture
def line() -> Iterator[Line]:
    with FarEnd() as far:
        line = Line(far)
        yield line
        line.run(line.peer.close())


@pytest.fixture
def call(line: Line) -> Line:
    line.connect()
    return line


# -- connecting -----------------------------------------------------------------------------------


def test_a_call_is_live_before_its_first_event_and_says_how_long_each_step_took(call: Line) -> None:
    call.wait(lambda record: record.type == "session.created")
    states = [(event["type"], event.get("state")) for event in call.log]
    assert states == [
        ("rtc.state", "connecting"),
        ("rtc.secret", None),
        ("rtc.state", "live"),
        ("session.created", None),
    ]
    live = call.notes()[1]
    assert set(live["steps"]) == {"secret_ms", "offer_ms", "answer_ms", "ice_ms", "channel_ms"}
    assert 0 < live["connect_ms"] < 5_000
    assert (live["call"], live["transport"], live["microphone"]) == (1, "peer", "silent")
    assert (live["rtc_call_id"], call.log.record(3).rtc_call_id) == ("rtc_far", "rtc_far")
    assert call.log[3]["label"] == "oai-events"


def test_the_secret_is_minted_while_the_offer_is_made(line: Line) -> None:
    line.provider._delay_s = 0.2
    line.connect()
    live = line.notes()[-1]
    assert live["steps"]["secret_ms"] >= 190
    assert (
        live["connect_ms"]
        < 200 + sum(live["steps"][step] for step in ("answer_ms", "ice_ms", "channel_ms")) + 50
    )
    assert line.provider.asked == [("mint", SESSION), ("call", "ek_canary")]


def test_with_kernel_signaling_there_is_no_secret(line: Line) -> None:
    line.connect(signaling="kernel")
    assert line.provider.asked == [("call", SESSION)]
    assert "secret_ms" not in line.notes()[-1]["steps"]


def test_no_secret_is_in_the_log(call: Line) -> None:
    assert all("ek_canary" not in record.text for record in call.log.records())


def test_the_offer_asks_for_opus_and_nothing_outside(call: Line) -> None:
    offer = call.far.offer
    assert [line for line in offer.splitlines() if line.startswith("a=rtpmap:")] == [
        "a=rtpmap:96 opus/48000/2"
    ]
    assert " 127.0.0.1 " in offer
    assert "srflx" not in offer


def test_a_second_call_at_once_is_refused_and_after_hanging_up_it_is_not(call: Line) -> None:
    with pytest.raises(ConfigurationError, match="hang_up"):
        call.connect()
    call.run(call.peer.hang_up("enough"))
    with FarEnd() as other:
        call.provider._far = other
        call.connect(attempt=2)
        assert [note["state"] for note in call.notes()] == [
            "connecting",
            "live",
            "ended",
            "connecting",
            "live",
        ]
        call.run(call.peer.hang_up("enough"))


# -- failing --------------------------------------------------------------------------------------


def test_a_refused_secret_ends_at_that_step(line: Line) -> None:
    line.provider.refuse_secret = SecretError("no such key", status=401, request_id="req_9")
    with pytest.raises(SecretError, match="no such key"):
        line.connect()
    failed = line.notes()[-1]
    assert (failed["state"], failed["step"], failed["reason"]) == ("failed", "secret", "no such key")
    assert line.notes("rtc.secret")[0]["request_id"] == "req_9"


def test_a_refused_offer_ends_at_that_step(line: Line) -> None:
    line.provider.refuse_offer = ConnectionFailed("offer", "far refused the offer: HTTP 400, bad sdp.")
    with pytest.raises(ConnectionFailed, match="HTTP 400") as caught:
        line.connect()
    assert caught.value.step == "offer"
    assert (line.notes()[-1]["state"], line.notes()[-1]["step"]) == ("failed", "offer")


@pytest.mark.parametrize(
    "answer",
    ["not an answer", "v=0\r\n", "<html>hello</html>", "v=0 Bearer canary", "v=0\r\nm=audio canary\r\n"],
)
def test_an_answer_that_is_none_ends_at_that_step(line: Line, answer: str) -> None:
    line.provider.spoil = answer
    with pytest.raises(ConnectionFailed, match="cannot be used") as caught:
        line.connect()
    assert caught.value.step == "answer"
    assert "canary" not in "".join(traceback.format_exception(caught.value)) + str(line.notes())


def change_answer(line: Line, change: Callable[[str], str]) -> None:
    async def changed(offer_sdp: str) -> str:
        return change(await FarEnd.answer(line.far, offer_sdp))

    line.far.answer = changed  # type: ignore[method-assign]


def without_candidates(sdp: str) -> str:
    kept = [
        line for line in sdp.splitlines(keepends=True) if not line.startswith(("a=candidate", "a=ice-pwd"))
    ]
    return "".join(kept).replace("a=ice-ufrag", f"a=ice-pwd:{'x' * 22}\r\na=ice-ufrag")


def test_a_candidate_that_only_multicast_could_resolve_costs_no_time(line: Line) -> None:
    hidden = "a=candidate:9 1 udp 2130706431 3f0c9a1e-0d7b-4c39-9f7f-1c2d3e4f5a6b.local 50000 typ host\r\n"
    change_answer(line, lambda sdp: sdp.replace("a=ice-ufrag", hidden + "a=ice-ufrag", 1))
    with Witness() as witness:
        line.connect()
    assert line.notes()[-1]["steps"]["ice_ms"] < 500 + witness.stalled_ms


def test_no_way_to_the_service_ends_at_ice_with_advice(line: Line) -> None:
    change_answer(line, without_candidates)
    with pytest.raises(ConnectionFailed, match="no way to the service") as caught:
        line.connect(timeout_s=1.0)
    assert caught.value.step == "ice"
    assert "UDP" in str(caught.value.advice)
    assert line.notes()[-1]["advice"] == caught.value.advice


def test_an_impostor_ends_at_the_data_channel(line: Line) -> None:
    """The fingerprint of the answer is not that of whoever answers."""

    def other_fingerprint(sdp: str) -> str:
        lines = sdp.splitlines(keepends=True)
        return "".join(
            f"{line[: line.index(' ')]} {':'.join(['00'] * 32)}\r\n"
            if line.startswith("a=fingerprint:sha-256")
            else line
            for line in lines
        )

    change_answer(line, other_fingerprint)
    with pytest.raises(ConnectionFailed, match="before the data channel was open") as caught:
        line.connect(timeout_s=5.0)
    assert caught.value.step == "channel"


def test_a_service_that_never_answers_ends_in_time(line: Line) -> None:
    line.provider._delay_s = 60.0
    start_s = time.monotonic()
    with pytest.raises(ConnectionFailed, match=r"no client secret came within 0\.2 s") as caught:
        line.connect(timeout_s=0.2)
    assert caught.value.step == "secret"
    assert time.monotonic() - start_s < 30


def test_an_error_nobody_thought_of_is_a_failed_call_too(line: Line) -> None:
    line.provider.refuse_offer = RuntimeError("a bug")  # type: ignore[assignment]
    with pytest.raises(ConnectionFailed, match="RuntimeError: a bug"):
        line.connect()
    assert line.notes()[-1]["state"] == "failed"


def test_hanging_up_while_connecting_ends_the_attempt(line: Line) -> None:
    line.provider._delay_s = 60.0
    attempt = submit(
        line.peer.connect(
            CallRequest(
                provider=line.provider, session=SESSION, signaling="ephemeral", microphone="auto", attempt=1
            )
        )
    )
    line.wait(lambda record: record.event.get("state") == "connecting")
    line.run(line.peer.hang_up("changed my mind"))
    with pytest.raises(ConnectionFailed, match="changed my mind"):
        attempt.result(5)
    line.provider._delay_s = 0.0
    line.connect(attempt=2)


def test_a_cancelled_connect_leaves_nothing_behind(line: Line) -> None:
    line.provider._delay_s = 60.0
    request = CallRequest(
        provider=line.provider, session=SESSION, signaling="ephemeral", microphone="auto", attempt=1
    )

    async def cancelled() -> None:
        attempt = asyncio.ensure_future(line.peer.connect(request))
        await asyncio.sleep(0.05)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt

    line.run(cancelled())
    assert line.notes()[-1]["state"] == "failed"
    line.provider._delay_s = 0.0
    line.connect(attempt=2)


# -- events ---------------------------------------------------------------------------------------


def test_events_go_both_ways_in_order_and_once(call: Line) -> None:
    ours = [f'{{"type":"x","n":{n},"text":"grüße"}}' for n in range(50)]
    call.run(call.peer.send(ours))
    call.far.wait(lambda: len(call.far.events) == 50)
    assert call.far.events == ours
    for n in range(50):
        call.far.send(f'{{"type":"y","n":{n}}}')
    call.wait(lambda record: record.type == "y" and record.event["n"] == 49)
    records = list(call.log.records())
    assert [record.text for record in records if record.direction == "client"] == ours
    assert [record.event["n"] for record in records if record.type == "y"] == list(range(50))


def test_a_large_event_arrives_whole_and_a_larger_one_is_refused_with_both_sizes(call: Line) -> None:
    room = call.peer.max_message_bytes - len('{"type":"x","text":""}')
    largest = f'{{"type":"x","text":"{"a" * room}"}}'
    assert len(largest) == call.peer.max_message_bytes == 262_144
    call.run(call.peer.send([largest]))
    call.far.wait(lambda: call.far.events == [largest])
    with pytest.raises(ProtocolError, match=r"262,145 bytes .*262,144"):
        call.run(call.peer.send(['{"type":"first"}', largest + " "]))
    call.far.wait(lambda: len(call.far.events) == 2)
    assert call.log[-1]["type"] == "first"


def test_the_size_that_the_service_says_counts(line: Line) -> None:
    change_answer(line, lambda sdp: sdp.replace("a=max-message-size:262144", "a=max-message-size:1000"))
    assert line.peer.max_message_bytes == 262_144
    line.connect()
    assert line.peer.max_message_bytes == 1_000


@pytest.mark.parametrize("said", ["a=max-message-size:1073741823", "a=max-message-size:0"])
def test_a_service_that_takes_more_gets_no_more_than_a_browser_sends(line: Line, said: str) -> None:
    change_answer(line, lambda sdp: sdp.replace("a=max-message-size:262144", said))
    line.connect()
    assert line.peer.max_message_bytes == 262_144


def test_without_a_call_nothing_is_sent_or_played(line: Line) -> None:
    with pytest.raises(ConnectionFailed, match="Connect first"):
        line.run(line.peer.send(["{}"]))
    with pytest.raises(ConnectionFailed, match="Connect first"):
        line.run(line.peer.play(b"\0\0", 24_000, what="x"))
    line.run(line.peer.hang_up("no call, no error"))
    assert len(line.log) == 0


# -- the end --------------------------------------------------------------------------------------


def test_hanging_up_is_noted_and_the_far_end_hears_of_it(call: Line) -> None:
    closed = threading.Event()
    pc = call.far._pc
    assert pc is not None
    pc.on("connectionstatechange", lambda: closed.set() if pc.connectionState == "closed" else None)
    call.run(call.peer.hang_up("that was all"))
    assert closed.wait(5)
    ended = call.notes()[-1]
    assert (ended["state"], ended["reason"], ended["rtc_call_id"]) == ("ended", "that was all", "rtc_far")
    with pytest.raises(ConnectionFailed):
        call.run(call.peer.send(["{}"]))


def test_the_service_hanging_up_is_noticed_once(call: Line) -> None:
    call.far.hang_up()
    call.ended()
    call.run(call.peer.hang_up("late"))
    assert [note["state"] for note in call.notes()] == ["connecting", "live", "ended"]
    assert "the service ended the call" in call.notes()[-1]["reason"]


def test_a_call_that_the_service_ends_for_its_length_says_so_and_the_way_out(call: Line) -> None:
    call.wait(lambda record: record.type == "session.created")  # the far end has the channel, too
    call.far.send('{"type": "error", "error": {"code": "session_expired", "message": "60 minutes."}}')
    call.wait(lambda record: record.type == "error")
    call.far.hang_up()
    call.ended()
    reason = call.notes()[-1]["reason"]
    assert "longest time (session_expired)" in reason
    assert "connect()" in reason


def test_a_service_that_is_gone_without_a_word_is_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.05)  # instead of 5 s
    line.connect()
    line.far.loop.call_soon_threadsafe(line.far.loop.stop)
    line.far._thread.join()
    try:
        line.ended()
        assert "the connection was lost" in line.notes()[-1]["reason"]
    finally:
        line.far._thread = threading.Thread(target=line.far.loop.run_forever, daemon=True)
        line.far._thread.start()


def test_a_call_that_ends_while_something_plays_says_so(call: Line) -> None:
    playing = submit(call.peer.play(tone16(440, 24_000, 20.0).tobytes(), 24_000, what="long.wav"))
    call.wait(lambda record: record.type == "rtc.play")
    call.far.hang_up()
    with pytest.raises(ConnectionFailed, match=r"the call ended while long\.wav was played"):
        playing.result(5)
    assert call.notes("rtc.play")[-1]["phase"] == "ended"


# -- sound ----------------------------------------------------------------------------------------


def loud(sound: Any) -> Any:
    """Return the part of a sound from its first to its last loud sample."""
    places = np.flatnonzero(np.abs(sound.astype(np.int32)) > 1_000)
    return sound[places[0] : places[-1] + 1] if len(places) else sound[:0]


def heard_s(far: FarEnd) -> float:
    """How many seconds of a loud sine were heard; it is above a sixteenth of its peak 96 % of the time."""
    if not far.heard:
        return 0.0
    return float(np.count_nonzero(np.abs(far.sound().astype(np.int32)) > 1_000)) / 48_000 / 0.96


@pytest.mark.parametrize("sample_rate_hz", [16_000, 24_000, 48_000])
def test_what_is_played_is_heard_whole_at_its_pace(call: Line, sample_rate_hz: int) -> None:
    with Witness() as witness:
        start_s = time.monotonic()
        call.run(call.peer.play(tone16(440, sample_rate_hz).tobytes(), sample_rate_hz, what="tone.wav"))
        took_s = time.monotonic() - start_s
    assert 0.98 < took_s < 1.5 + witness.stalled_ms / 500
    call.far.wait(lambda: heard_s(call.far) > 0.98)
    assert heard_s(call.far) == pytest.approx(1.0, abs=0.03)
    assert call.notes("rtc.play") == [
        {"type": "rtc.play", "what": "tone.wav", "phase": "started", "seconds": 1.0},
        {"type": "rtc.play", "what": "tone.wav", "phase": "ended", "seconds": 1.0},
    ]


def test_what_is_heard_is_what_was_played(call: Line) -> None:
    call.run(call.peer.play(tone16(440, 24_000, 0.5).tobytes(), 24_000, what="tone.wav"))
    call.far.wait(lambda: heard_s(call.far) > 0.48)
    assert max(strength(frame.samples, 440, 48_000) for frame in list(call.far.heard)) > 0.98


def test_two_sounds_at_once_are_heard_one_after_the_other(call: Line) -> None:
    plays = [
        submit(call.peer.play(tone16(hz, 24_000, 0.4).tobytes(), 24_000, what=f"{hz}")) for hz in (440, 880)
    ]
    for play in plays:
        play.result(10)
    assert [(note["what"], note["phase"]) for note in call.notes("rtc.play")] == [
        ("440", "started"), ("440", "ended"), ("880", "started"), ("880", "ended"),
    ]  # fmt: skip
    call.far.wait(lambda: heard_s(call.far) > 0.78)


async def stream(seconds: float, *, late_s: float = 0.0, as_bytes: bool = True) -> AsyncIterator[Any]:
    sound = tone(440, 24_000, seconds)
    for start in range(0, len(sound), 2_400):
        piece = sound[start : start + 2_400]
        yield (piece * 32_767).astype(np.int16).tobytes() if as_bytes else piece
        if start == 4_800 and late_s:
            await asyncio.sleep(late_s)


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_live_stream_is_heard_at_its_pace(call: Line, as_bytes: bool) -> None:
    with Witness() as witness:
        start_s = time.monotonic()
        call.run(call.peer.play(stream(0.8, as_bytes=as_bytes), 24_000, what="stream"))
        took_s = time.monotonic() - start_s
    assert 0.78 < took_s < 1.3 + witness.stalled_ms / 500
    call.far.wait(lambda: heard_s(call.far) > 0.78)


def test_a_stream_that_is_late_makes_a_pause_and_loses_nothing(call: Line) -> None:
    call.run(call.peer.play(stream(0.8, late_s=0.7), 24_000, what="stream"))
    call.far.wait(lambda: heard_s(call.far) > 0.78)
    assert len(loud(call.far.sound())) / 48_000 > 1.1


def test_a_stream_that_fails_fails_the_play_and_the_line_is_free_again(call: Line) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(4_800)
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        call.run(call.peer.play(broken(), 24_000, what="stream"))
    call.run(call.peer.play(tone16(440, 24_000, 0.1).tobytes(), 24_000, what="after"))


def test_muted_a_stream_is_silent_and_a_file_is_heard(call: Line) -> None:
    call.run(call.peer.set_muted(muted=True))
    call.run(call.peer.play(stream(0.3), 24_000, what="stream"))
    call.far.wait(lambda: len(call.far.heard) > 15)
    assert heard_s(call.far) == 0
    call.run(call.peer.play(tone16(440, 24_000, 0.3).tobytes(), 24_000, what="file"))
    call.run(call.peer.set_muted(muted=False))
    call.run(call.peer.set_muted(muted=False))
    call.far.wait(lambda: heard_s(call.far) > 0.28)
    assert [note["muted"] for note in call.notes("rtc.mute")] == [True, False]


def test_a_cancelled_play_falls_silent_at_once(call: Line) -> None:
    async def cut_short() -> None:
        playing = asyncio.ensure_future(
            call.peer.play(tone16(440, 24_000, 9.0).tobytes(), 24_000, what="long")
        )
        await asyncio.sleep(0.4)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing

    call.run(cut_short())
    call.run(call.peer.play(bytes(24_000), 24_000, what="silence"))
    sent_s = call.notes("rtc.play")[1]["seconds"]
    assert 0.0 < sent_s < 5.0
    assert heard_s(call.far) == pytest.approx(sent_s, abs=0.06)


def test_what_the_agent_says_is_kept_where_it_was_in_time(call: Line) -> None:
    call.far.wait(lambda: len(call.far.heard) > 5)
    delays_ms = []
    for _ in range(3):
        call.far.said_ms.clear()
        call.far.speak(tone16(330, 48_000, 0.5))
        assert call.peer.agent_audio.wait_until(time.monotonic() * 1_000 + 2_000, timeout=10)
        # A far end that was held up sends what it owes at once, each frame for the time it was due.
        since_ms = call.far.said_ms[0] - 500
        sound = call.peer.agent_audio.sound(since_ms)
        assert sound.sample_rate_hz == 24_000
        places = np.flatnonzero(np.abs(sound.samples.astype(np.int32)) > 1_000)
        assert len(places) / 24_000 / 0.96 == pytest.approx(0.5, abs=0.03)
        delays_ms.append(places[0] / 24 - 500)
    # A frame's sound ends as it is sent (20 ms), and the coder looks 6.5 ms ahead; the clock is tied to the
    # first frame, which may have come up to 40 ms late.
    assert -25 < median(delays_ms) < 45


def test_both_sides_are_told_with_their_instants_and_every_hole_is_reported(call: Line) -> None:
    call.far.speak(tone16(330, 48_000, 0.3))
    call.run(call.peer.play(tone16(440, 24_000, 0.5).tobytes(), 24_000, what="tone"))
    call.run(call.peer.hang_up("enough"))
    call.run(call.peer.close())
    for told, timeline in ((call.sent, call.peer.user_audio), (call.received, call.peer.agent_audio)):
        assert sum(len(pcm) for pcm, _ in told) / 48_000 > 0.3
        begins = np.array([t_ms for _, t_ms in told])
        ends = begins + np.array([len(pcm) for pcm, _ in told]) / 48
        holes_ms = begins[1:] - ends[:-1]
        assert holes_ms.min() > -0.1
        assert holes_ms.sum() == pytest.approx(sum(gap.gap_ms for gap in timeline.gaps), abs=0.1)
    said = np.concatenate([np.frombuffer(pcm, np.int16) for pcm, _ in call.sent])
    assert strength(loud(said), 440, 24_000) > 0.99


def test_a_recorder_that_fails_ends_no_call(line: Line) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    line.peer = Peer(line.log, on_sent=full)
    line.connect()
    line.run(line.peer.play(tone16(440, 24_000, 0.3).tobytes(), 24_000, what="tone"))
    errors = line.notes("rtc.error")
    assert errors[0]["message"] == "keeping the audio: No space left on device"
    assert line.notes()[-1]["state"] == "live"


def test_a_thread_that_sleeps_leaves_no_gap_in_the_sound_and_ends_no_call(call: Line) -> None:
    """What a cell does with time.sleep(40), for 3 s."""
    playing = submit(call.peer.play(tone16(440, 24_000, 3.5).tobytes(), 24_000, what="tone"))
    call.far.wait(lambda: heard_s(call.far) > 0.1)
    first = len(call.far.arrivals)
    with Witness() as witness:
        time.sleep(3.0)
        packets = call.far.arrivals[first:]
    playing.result(10)
    # No packet is missing, no silence between them, and each came when it was due.
    assert {b.sequence - a.sequence for a, b in pairwise(packets)} == {1}
    longest_step_ms = max(b.timestamp - a.timestamp for a, b in pairwise(packets)) / 48
    assert longest_step_ms <= (20 if witness.stalled_ms < 80 else 20 + witness.stalled_ms)
    assert len(packets) > 130 - witness.stalled_ms / 20
    late_ms = [(p.t_s - packets[0].t_s) * 1_000 - (p.timestamp - packets[0].timestamp) / 48 for p in packets]
    # A loop that slept with the thread would be 3 s late, one that competes for two cores some frames.
    assert max(late_ms) - min(late_ms) < 150 + witness.stalled_ms
    call.far.wait(lambda: heard_s(call.far) > 3.4)
    assert call.notes()[-1]["state"] == "live"
