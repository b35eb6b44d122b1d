"""Scenario: what a user says in a call, step by step, the same in every trial."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from rtc_widget.audio.sound import Sound
    from rtc_widget.headless import HeadlessSession
    from rtc_widget.session import Session

__all__ = ["Play", "Say", "Scenario", "Step", "words_of"]

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Say:
    """A step: words that are typed.

    Parameters
    ----------
    text : str
        What is typed.

    Raises
    ------
    ConfigurationError
        For no words.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what has no words."""
        if not _has_words(self.text):
            message = f'Say takes the words that are typed, rtc.Say("Hello."), not {self.text!r}.'
            raise ConfigurationError(message)
        _check_text(self.text)

    def __str__(self) -> str:
        """Return the words."""
        return self.text

    async def run(self, session: Session, timeout: float) -> None:
        """Type it, and wait until it is answered.

        Parameters
        ----------
        session : Session
            Where.
        timeout : float
            As of `Session.say`, in s; so are the errors.
        """
        await session.say(self.text, timeout=timeout)


@dataclass(frozen=True)
class Play:
    """A step: a sound that is spoken. It is read now, so that every trial hears the same.

    Parameters
    ----------
    source : path, bytes, array or Sound
        As of `play`.
    text : str, optional
        The words that are spoken in it: what `rtc.word_error_rate` holds the transcript against.
    sample_rate_hz : int, optional
        Of an array, in Hz.

    Raises
    ------
    ConfigurationError
        For a file that is missing, empty or no sound.
    """

    source: Any = field(repr=False)
    text: str | None = None
    sample_rate_hz: int | None = None
    sound: Sound = field(init=False)

    def __post_init__(self) -> None:
        """Read the sound."""
        from rtc_widget.audio import load_sound

        if self.text is not None and not (_has_words(self.text) and any(map(str.isalnum, self.text))):
            raise ConfigurationError(f"text is the words that are spoken in the sound, not {self.text!r}.")
        sound = load_sound(self.source, sample_rate_hz=self.sample_rate_hz)
        object.__setattr__(self, "sound", sound)
        object.__setattr__(self, "source", sound)  # a file may change, and is not carried along

    def __str__(self) -> str:
        """Return the words, or the sound's name."""
        return self.text or self.sound.name

    async def run(self, session: Session, timeout: float) -> None:
        """Speak it, and wait until it is answered.

        Parameters
        ----------
        session : Session
            Where.
        timeout : float
            As of `Session.play`, in s; so are the errors.
        """
        await session.play(self.sound, timeout=timeout)


Step = Say | Play | Callable[["HeadlessSession"], Awaitable[object]]


class Scenario:
    """One script of user inputs.

    Parameters
    ----------
    name : str
        What it is called in every frame.
    steps : sequence of Say, Play or async functions
        In order; each begins when the one before is answered. A function is called with the session, a
        HeadlessSession, and does what it likes: `async def hurry(session): …` may interrupt, send a picture,
        or wait.

    Raises
    ------
    ConfigurationError
        For a name without letters, no steps, or what is no step.
    """

    def __init__(self, name: str, steps: Sequence[Step]) -> None:
        self.name = _checked_name(name)
        given: object = steps
        if isinstance(given, str | bytes) or not isinstance(given, Sequence) or not given:
            raise ConfigurationError(
                f'The steps of {self.name} are a list: rtc.Scenario({self.name!r}, [rtc.Say("Hello.")]), '
                f"not {steps!r}."
            )
        self.steps: tuple[Step, ...] = tuple(_checked_step(step) for step in given)

    @property
    def hash(self) -> str:
        """8 hex digits of SHA-256 over all steps: words, samples and the names of functions."""
        digest = hashlib.sha256()
        for step in self.steps:
            digest.update(f"{type(step).__name__}\0{words_of(step)}\0".encode())
            if isinstance(step, Play):
                digest.update(f"{step.sound.sample_rate_hz}\0".encode() + step.sound.pcm)
        return digest.hexdigest()[:8]

    def __len__(self) -> int:
        """Return how many steps it has."""
        return len(self.steps)

    def __repr__(self) -> str:
        """Show its steps on one line."""
        return f"Scenario({self.name!r}, {' → '.join(map(words_of, self.steps))})"


def _checked_name(name: object) -> str:
    if isinstance(name, str) and _has_words(name) and name.isprintable() and len(name) <= _LONGEST_NAME:
        return name
    message = f'A scenario has a name of 1 to {_LONGEST_NAME} characters, such as "order", not {name!r}.'
    raise ConfigurationError(message)


def _has_words(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{text!r} holds half of a character, which nobody can type.") from None


def words_of(step: Step) -> str:
    """Return what a step is, for people."""
    return str(step) if isinstance(step, Say | Play) else getattr(step, "__name__", type(step).__name__)


def _checked_step(step: object) -> Step:
    if isinstance(step, Say | Play):
        return step
    if inspect.iscoroutinefunction(step):
        try:
            inspect.signature(step).bind(None)
        except TypeError:
            raise ConfigurationError(
                f"The step {words_of(step)} is called with the session alone: async def "
                f"{words_of(step)}(session): …"
            ) from None
        return step
    if isinstance(step, str):
        raise ConfigurationError(
            f"A step says how: rtc.Say({step!r}) is typed, rtc.Play({step!r}) is a sound file."
        )
    raise ConfigurationError(
        f"A step is rtc.Say(…), rtc.Play(…) or an async function of the session, not {step!r}."
    )
