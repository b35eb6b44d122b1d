"""HeadlessSession: the same Session without a browser; the call is made from Python itself."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rtc_widget._arguments import checked_timeout
from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import on_loop_thread
from rtc_widget.log.clocks import kernel_ms
from rtc_widget.session import Session

if TYPE_CHECKING:
    from rtc_widget._loop import Handle
    from rtc_widget._turn import Turn
    from rtc_widget.audio.sound import Sound
    from rtc_widget.audio.timeline import Timeline
    from rtc_widget.log.tracks import TrackName
    from rtc_widget.transports.peer import Peer

__all__ = ["HeadlessSession"]

_STREAM_RATE_HZ = 24_000
_ON_ITS_WAY_MS = 250.0
_LONGEST_WAIT_S = 1.0
_KEEP_RECORDED_S = 10.0
"""What is recorded stands on disk: no need to have it in memory too."""


@dataclass(frozen=True)
class _Stream:
    """What `play` asks of a sound, for one that is not all there yet."""

    pcm: AsyncIterable[Any]
    sample_rate_hz: int


class HeadlessSession(Session):
    """A session over aiortc, for scripts, tests and experiments.

    Commands, log and frames are those of the widget. It has no microphone: `play` sends files, arrays and
    live streams at the pace of real time, silence goes out otherwise, and what the agent says is kept
    (`agent_audio`).

        async with rtc.HeadlessSession(instructions="Be brief.") as s:
            turn = await s.play("order.wav")

    In a plain script every command's handle has `result()`: `s.connect().result()`.

    Parameters
    ----------
    provider, signaling, sideband, directory, record, variant, fields
        As of `Session`.

    Raises
    ------
    ConfigurationError
        Without the `[peer]` extra, and as of `Session`.
    """

    _peer: Peer

    def _make_transport(self) -> Peer:
        missing = [name for name in ("aiortc", "numpy") if find_spec(name) is None]
        if missing:
            raise ConfigurationError(
                f"HeadlessSession needs {', '.join(missing)}: pip install 'rtc_widget[peer]'. "
                "RealtimeWidget does not."
            )
        # Imported now, with what a call needs besides, so that connect() takes no longer the first time.
        import httpx  # noqa: F401

        from rtc_widget.transports.peer import Peer

        if self._recorder is None:
            self._peer = Peer(self._core.log)
        else:
            user, agent = self._recorder.keep_at("user"), self._recorder.keep_at("agent")
            self._peer = Peer(self._core.log, on_sent=user, on_received=agent, keep_s=_KEEP_RECORDED_S)
        return self._peer

    @property
    def status(self) -> str:
        """How the call is: idle, connecting, live, failed or ended."""
        return self._core.status

    @property
    def muted(self) -> bool:
        """Whether live streams are silenced."""
        return self._peer.muted

    def play(
        self, source: object, *, sample_rate_hz: int | None = None, timeout: float = 60.0
    ) -> Handle[Turn]:
        """Play a sound, or a live stream, as the microphone: spoken input.

        Parameters
        ----------
        source
            Path of a sound file, its bytes, an array (then with `sample_rate_hz`), or an async iterator of
            mono pieces: bytes (16-bit little-endian) or arrays. It runs on rtc_widget's own loop, as fast as
            time passes.
        sample_rate_hz
            Of an array or a stream, in Hz; a stream without one is taken for 24,000.
        timeout
            After the last sample until the answer is over, in s.

        Returns
        -------
        Handle
            Of the Turn; the last one when a pause in the sound split it.

        Raises
        ------
        ConfigurationError
            For a file that is missing, empty or no sound, or a rate that cannot be; for a timeout that is no
            number above 0.
        ConnectionFailed, ServerError, WaitTimeout
            As of `Session.play`.
        """
        if isinstance(source, AsyncIterable):
            from rtc_widget.audio.sound import check_rate

            rate_hz = _STREAM_RATE_HZ if sample_rate_hz is None else sample_rate_hz
            stream = _Stream(source, check_rate(rate_hz, "the stream"))
            limit_s = checked_timeout(timeout)
            return self._start_asking("play", lambda place: self._play(stream, "stream", limit_s, place))
        return super().play(source, sample_rate_hz=sample_rate_hz, timeout=timeout)

    def agent_audio(self, t_from_ms: float | None = None, t_to_ms: float | None = None) -> Sound:
        """Return what the agent said, with the silence between.

        All of it with `record=True`, else ten minutes of sound.

        During a call it waits a quarter of a second for what is still on its way.

        Parameters
        ----------
        t_from_ms, t_to_ms
            In ms since the session's first record, as `t_ms` in every frame; None: as far as there is any.
        """
        return self._cut(self._peer.agent_audio, t_from_ms, t_to_ms)

    def user_audio(self, t_from_ms: float | None = None, t_to_ms: float | None = None) -> Sound:
        """Return what was sent, on the same clock as `agent_audio` and as much of it.

        Parameters
        ----------
        t_from_ms, t_to_ms
            In ms since the session's first record; None: as far as there is any.
        """
        return self._cut(self._peer.user_audio, t_from_ms, t_to_ms)

    def _cut(self, timeline: Timeline, t_from_ms: float | None, t_to_ms: float | None) -> Sound:
        # The first record is a note of the kernel's: its two clocks give the zero of `t_ms`.
        origin_ms = self._core.log.record(0).t_kernel_ms or 0.0 if len(self._core.log) else 0.0
        first, last = (None if t_ms is None else t_ms + origin_ms for t_ms in (t_from_ms, t_to_ms))
        if self.status == "live" and not on_loop_thread():
            # What the service has sent by now comes out of the jitter buffer a little later.
            heard_ms = kernel_ms() + _ON_ITS_WAY_MS
            timeline.wait_until(heard_ms if last is None else min(last, heard_ms), _LONGEST_WAIT_S)
        if self._recorder is not None:
            self._recorder.flush()
            track: TrackName = "user" if timeline is self._peer.user_audio else "agent"
            return self._recorder.tracks.sound(track, t_from_ms, t_to_ms)
        return timeline.sound(first, last)
