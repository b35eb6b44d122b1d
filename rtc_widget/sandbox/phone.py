"""Phone calls that nobody makes: a caller out of a sound file, behind the API's endpoints for SIP.

The service would tell of an incoming call by a webhook; here whoever starts it is told by the answer.
"""

from __future__ import annotations

import asyncio
import io
import time
import wave
from typing import TYPE_CHECKING, Final

from rtc_widget.sandbox.session import Session
from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE, HEARD_RATE_HZ, SPOKEN_RATE_HZ, resample
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.prompt import Brain

__all__ = ["PhoneCall", "read_wav"]

_FRAME_S: Final = 0.02
_HEARD_BYTES: Final = int(HEARD_RATE_HZ * _FRAME_S) * BYTES_PER_SAMPLE
_SPOKEN_BYTES: Final = int(SPOKEN_RATE_HZ * _FRAME_S) * BYTES_PER_SAMPLE
_RINGS_S: Final = 60.0
_KEPT_BYTES: Final = 600 * SPOKEN_RATE_HZ * BYTES_PER_SAMPLE
_KEYS: Final = "0123456789*#ABCD"


class PhoneCall:
    """One phone call, from its ringing on.

    Parameters
    ----------
    caller
        What the caller says once they are through: mono s16 samples at 16 kHz. Then they are silent.
    number
        Who calls.
    on_over
        Called with the call once it has ended, whoever ended it.

    Attributes
    ----------
    id
        `rtc_…`
    session
        Its session, once it is accepted.
    may_be_joined
        Whether it is accepted.
    outcome
        "ringing", "accepted", "rejected", "referred" or "over".
    """

    def __init__(self, caller: bytes, number: str, on_over: Callable[[PhoneCall], None]) -> None:
        self.id = fresh_id("rtc")
        self.session: Session | None = None
        self.outcome = "ringing"
        self._caller = caller
        self._number = number
        self._heard = bytearray()
        self._on_over: Callable[[PhoneCall], None] | None = on_over
        self._clock = asyncio.create_task(self._ring())

    @property
    def may_be_joined(self) -> bool:
        """Whether a sideband may: from its acceptance on."""
        return self.session is not None

    def incoming(self) -> Event:
        """Return the event that the service's webhook would bring."""
        headers = [
            {"name": "From", "value": f"sip:{self._number}@sandbox.invalid"},
            {"name": "To", "value": "sip:sandbox@sandbox.invalid"},
            {"name": "Call-ID", "value": fresh_id("sip")},
        ]
        return {
            "id": fresh_id("evt"),
            "object": "event",
            "type": "realtime.call.incoming",
            "created_at": int(time.time()),
            "data": {"call_id": self.id, "sip_headers": headers},
        }

    def accept(self, asked: Event, *, brain: Brain, seconds: float) -> None:
        """Take the call.

        Parameters
        ----------
        asked
            The checked session.
        brain
            What answers.
        seconds
            How long the session may last.

        Raises
        ------
        ApiError
            It does not ring any more.
        """
        self._check_ringing()
        self.outcome = "accepted"
        self._clock.cancel()
        self.session = Session(
            asked, brain=brain, send=lambda _: None, seconds=seconds, on_expired=self._hang_up_soon
        )
        self.session.open()
        self._clock = asyncio.create_task(self._talk(self.session))

    async def reject(self) -> None:
        """Do not take the call.

        Raises
        ------
        ApiError
            It does not ring any more.
        """
        self._check_ringing()
        await self._end("rejected")

    async def refer(self) -> None:
        """Hand the caller over to somebody else: here the call ends with it.

        Raises
        ------
        ApiError
            It is not accepted.
        """
        self._accepted()
        await self._end("referred")

    def press(self, key: str) -> None:
        """Let the caller press a key.

        Raises
        ------
        ApiError
            There is no such key, or the call is not accepted.
        """
        if len(key) != 1 or key not in _KEYS:
            raise ApiError(
                f"Invalid key: '{key}'. A telephone has 0 to 9, *, # and A to D.",
                code="invalid_value",
                param="key",
            )
        self._accepted().emit(
            "input_audio_buffer.dtmf_event_received", event=key, received_at=int(time.time())
        )

    def heard(self) -> bytes:
        """Return what the caller has heard so far, as a WAV file of 48 kHz; of ten minutes at most."""
        file = io.BytesIO()
        with wave.open(file, "wb") as written:
            written.setnchannels(1)
            written.setsampwidth(BYTES_PER_SAMPLE)
            written.setframerate(SPOKEN_RATE_HZ)
            written.writeframes(bytes(self._heard))
        return file.getvalue()

    async def hang_up(self) -> None:
        """End the call; a second time does nothing."""
        await self._end("over")

    def _accepted(self) -> Session:
        if self.session is None:
            raise ApiError("The call has not been accepted.", code="call_not_accepted")
        return self.session

    def _check_ringing(self) -> None:
        if self.outcome != "ringing":
            raise ApiError(f"The call does not ring any more: it is {self.outcome}.", code="call_not_ringing")

    async def _end(self, outcome: str) -> None:
        on_over, self._on_over = self._on_over, None
        if on_over is None:
            return
        self.outcome = outcome
        if self._clock is not asyncio.current_task():
            self._clock.cancel()
        if self.session is not None:
            self.session.close()
        on_over(self)

    def _hang_up_soon(self) -> None:
        self._clock.cancel()
        self._clock = asyncio.create_task(self.hang_up())

    async def _ring(self) -> None:
        """Let the caller give up when nobody takes the call."""
        await asyncio.sleep(_RINGS_S)
        await self.hang_up()

    async def _talk(self, session: Session) -> None:
        """Carry 20 ms of sound each way, by the clock."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        start = 0
        while True:
            piece = self._caller[start : start + _HEARD_BYTES]
            start += _HEARD_BYTES
            session.hear(piece.ljust(_HEARD_BYTES, b"\0"))
            said = session.mouth.take(_SPOKEN_BYTES, due_s)
            if len(self._heard) < _KEPT_BYTES:
                self._heard += said
            due_s += _FRAME_S
            await asyncio.sleep(max(due_s - loop.time(), 0))


def read_wav(file: bytes) -> bytes:
    """Return the sound of a WAV file as mono s16 samples at 16 kHz.

    Raises
    ------
    ApiError
        It is none, or has other samples than 16-bit ones.
    """
    try:
        with wave.open(io.BytesIO(file)) as read:
            if read.getsampwidth() != BYTES_PER_SAMPLE:
                raise ApiError("A caller's WAV file has samples of 16 bits.", code="invalid_value")
            channels, rate_hz = read.getnchannels(), read.getframerate()
            pcm = read.readframes(read.getnframes())
    except (wave.Error, EOFError) as error:
        raise ApiError(f"A caller is a WAV file: {error}.", code="invalid_value") from error
    if channels > 1:
        pcm = memoryview(pcm).cast("h")[::channels].tobytes()
    return resample(pcm, rate_hz, HEARD_RATE_HZ)
