"""Answers to one question under several variants: a frame, a row an answer, and players side by side."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from rtc_widget._arguments import is_whole
from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.table import CATEGORY, FLOAT, INT, STRING, frame_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rtc_widget.audio.sound import Sound

__all__ = ["Answer", "Answers"]

_COLUMNS = {
    "session_id": STRING,
    "variant": CATEGORY,
    "repeat": INT,
    "status": CATEGORY,
    "transcript": STRING,
    "recognised": STRING,
    "latency_heard_ms": FLOAT,
    "heard_quality": CATEGORY,
    "latency_inferred_ms": FLOAT,
    "cost_usd": FLOAT,
    "audio_path": STRING,
    "error": STRING,
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer.

    Attributes
    ----------
    variant : str
        Name of the variant that gave it.
    repeat : int
        Which repeat, from 0.
    session_id : str
        The session it was given in.
    response_ids : tuple of str
        The responses it consists of, in that session.
    status : str or None
        Of its last response.
    transcript : str or None
        What was said, as the service says.
    recognised : str or None
        What the sandbox's ears heard of it; None where there are none, or no sound.
    latency_heard_ms, latency_inferred_ms : float or None
        As in `turns`; on the same call: from our `response.create` on, and nothing is heard to count from.
    heard_quality : str or None
        As in `turns`.
    cost_usd : float or None
        What it cost.
    audio_path : Path or None
        A sound file of it.
    error : str or None
        Why there is no answer.
    """

    variant: str
    repeat: int
    session_id: str | None = None
    response_ids: tuple[str, ...] = ()
    status: str | None = None
    transcript: str | None = None
    recognised: str | None = None
    latency_heard_ms: float | None = None
    heard_quality: str | None = None
    latency_inferred_ms: float | None = None
    cost_usd: float | None = None
    audio_path: Path | None = None
    error: str | None = None

    @property
    def audio(self) -> Sound | None:
        """Its sound, which plays in a cell; None for a written answer."""
        if self.audio_path is None:
            return None
        from dataclasses import replace

        from rtc_widget.audio import load_sound

        return replace(load_sound(self.audio_path), name=self.transcript or self.variant)


class Answers(pd.DataFrame):
    """What `ask_again` brings: a frame, a row an answer, of which `answers[0].audio` plays one.

    It is a DataFrame (what is made of it is a plain one) with a few things more: a whole number gives the
    `Answer` of that row, `answers.each` is all of them, and as the last value of a cell it shows them side
    by side, a column a variant, each with its player. Its columns: session_id, variant, repeat, status,
    transcript, recognised, latency_heard_ms, heard_quality, latency_inferred_ms, cost_usd, audio_path, error.

    Parameters
    ----------
    question
        What was asked.
    answers
        In order of variant, then repeat.

    Attributes
    ----------
    question : str
        What was asked.
    each : tuple of Answer
        The answers, a row each.
    """

    _metadata = ["question", "each"]  # noqa: RUF012 - as pandas has it: attributes that are no columns

    def __init__(self, question: str, answers: Sequence[Answer]) -> None:
        super().__init__(frame_of(answers, _COLUMNS))  # type: ignore[call-arg]  # the stubs know `__new__` only
        self.question = question
        self.each = tuple(answers)

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def _update_inplace(self, result: pd.DataFrame) -> None:
        """Let the answers go along with their rows, which pandas has sorted or dropped in place."""
        if {"variant", "repeat"} <= set(result):
            answers = {(answer.variant, answer.repeat): answer for answer in self.each}
            left = [answers.get(row) for row in zip(result["variant"], result["repeat"], strict=True)]
        else:
            left = list(self.each) if result.index.equals(self.index) else []
        each = tuple(answer for answer in left if answer is not None)
        if len(each) != len(result):
            raise ConfigurationError(
                "An answer is known by its variant and repeat, which are others now: change answers.frame."
            )
        super()._update_inplace(result)  # type: ignore[misc]  # the stubs do not know it
        self.each = each
        self.__dict__.pop("frame", None)

    def __copy__(self, deep: bool = True) -> Answers:
        """Return the same answers once more."""
        return Answers(self.question, self.each)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as a plain DataFrame; the sound of a row is the file at `audio_path`."""
        return pd.DataFrame(self, copy=True)

    @property
    def audio(self) -> pd.Series[Any]:
        """The sound of each row, read when asked for; None for a written answer."""
        return pd.Series([answer.audio for answer in self.each], self.index, dtype="object", name="audio")

    def of(self, variant: str) -> list[Answer]:
        """Return the answers of a variant, in order of repeat; none for a name that is none of them.

        Parameters
        ----------
        variant : str
            Its name.
        """
        return [answer for answer in self.each if answer.variant == variant]

    @property
    def variants(self) -> list[str]:
        """Names of the variants, in the order they were given."""
        return list(dict.fromkeys(answer.variant for answer in self.each))

    @overload  # type: ignore[override]  # a whole number names no column here
    def __getitem__(self, key: int) -> Answer: ...

    @overload
    def __getitem__(self, key: str) -> pd.Series[Any]: ...

    @overload
    def __getitem__(self, key: slice | list[str] | pd.Series[bool]) -> pd.DataFrame: ...

    def __getitem__(self, key: Any) -> Any:
        """Return the answer of a row by its number; else what a frame has there, or `"audio"`."""
        if is_whole(key):
            return self.each[key]
        return self.audio if isinstance(key, str) and key == "audio" else super().__getitem__(key)

    def __repr__(self) -> str:
        """Say how many, of what, and show the frame."""
        title = f"<Answers to {self.question!r}: {len(self)} of {', '.join(self.variants)}>"
        return f"{title}\n{super().__repr__()}"

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{html.escape(name)}</th>" for name in self.variants)
        longest = max((len(self.of(name)) for name in self.variants), default=0)
        rows = []
        for place in range(longest):
            cells = [self.of(name)[place : place + 1] for name in self.variants]
            shown = "".join(f"<td>{_cell(cell[0]) if cell else ''}</td>" for cell in cells)
            rows.append(f"<tr>{shown}</tr>")
        title = f"<caption>{html.escape(self.question)}</caption>"
        return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(answer: Answer) -> str:
    if answer.error is not None:
        return html.escape(answer.error)
    sound = answer.audio
    player = "" if sound is None else sound._repr_html_()
    heard, inferred = answer.latency_heard_ms, answer.latency_inferred_ms
    times = [f"{heard:.0f} ms heard" if heard is not None else ""]
    times += [f"{inferred:.0f} ms inferred" if inferred is not None else ""]
    facts = " · ".join(time for time in times if time)
    return f"{player}<div>{html.escape(answer.transcript or '')}</div><small>{facts}</small>"
