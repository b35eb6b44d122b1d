"""Word error rate: how much of what was spoken a session's transcription got wrong."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget._scripts import WITHOUT_SPACES
from rtc_widget.experiments.scenario import Play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget._turn import Turn
    from rtc_widget.experiments.scenario import Step

__all__ = ["counter", "word_error_rate"]

_OF_WORDS = frozenset("LMN")  # letters, marks (vowel signs, accents) and numbers
_UNSEEN = "Cf"


def word_error_rate(step: Step, turns: Sequence[Turn]) -> float | None:
    """Score how much of what was spoken the session's transcription got wrong.

    Word errors (substituted, left out and put in) over the words spoken, letter case, width and punctuation
    apart; Morris, Maier and Green (2004) define it, `jiwer` counts. Of scripts without spaces between words
    (Chinese, Japanese, Thai, Lao, Burmese, Khmer) each character counts as one: there it is a character error
    rate. None for a step without `rtc.Play(…, text="…")`,
    and where nothing was transcribed; 1.0 where the user was not heard at all.

    Parameters
    ----------
    step : Play
        What was spoken.
    turns : sequence of Turn
        What was heard of it: one, or more where a pause split it.

    Raises
    ------
    ConfigurationError
        Without the `[experiments]` extra.
    """
    if not isinstance(step, Play) or step.text is None:
        return None
    heard = [turn.user_transcript for turn in turns if turn.is_transcribed]
    if turns and not heard:
        return None
    return float(counter().wer(_words(step.text), _words(" ".join(heard))))


def counter() -> Any:
    """Return what counts.

    Raises
    ------
    ConfigurationError
        Without the `[experiments]` extra.
    """
    try:
        import jiwer
    except ImportError:
        message = "word_error_rate needs jiwer: run `pip install 'rtc_widget[experiments]'`."
        raise ConfigurationError(message) from None
    return jiwer


def _words(text: str) -> str:
    """Return a text as words alone, without case; an apostrophe counts within a word."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("’", "'")
    kept = (char for char in plain if unicodedata.category(char) != _UNSEEN)
    spaced = "".join(
        char if char == "'" or unicodedata.category(char)[0] in _OF_WORDS else " " for char in kept
    )
    apart = WITHOUT_SPACES.sub(r" \g<0> ", spaced)
    return " ".join(word for word in (found.strip("'") for found in apart.split()) if word)
