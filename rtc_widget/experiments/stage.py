"""Holding an experiment's trials: several at once, each written down as it ends, and then scored."""

from __future__ import annotations

import asyncio
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rtc_widget._loop import Handle
from rtc_widget.experiments import kept
from rtc_widget.experiments.elsewhere import Elsewhere
from rtc_widget.experiments.judges import Judges
from rtc_widget.experiments.results import Results
from rtc_widget.experiments.run import RAISED, Outcome, hold, is_cancelled, told
from rtc_widget.experiments.scoring import Score, scores_of
from rtc_widget.experiments.trial import Trial

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from rtc_widget.experiments.run import Plan
    from rtc_widget.experiments.scoring import Scorer

__all__ = ["Running", "Stage"]

T = TypeVar("T")

_HANG_UP_S = 10.0


@dataclass
class Stage:
    """Where trials are held, how many at once, and who judges them.

    Attributes
    ----------
    context
        What scorers run in.
    bar
        Has `update` and `close`.
    ended
        Set when no call is up any more.
    """

    folder: Path
    executor: Executor | None
    max_sessions: int
    scorers: Sequence[Scorer]
    context: contextvars.Context
    bar: Any
    ended: threading.Event = field(default_factory=threading.Event)

    async def hold(self, plans: Sequence[Plan], variants: Sequence[str]) -> Results:
        """Hold all trials; `variants` is the order that results are told in."""
        at_once = asyncio.Semaphore(self.max_sessions)
        elsewhere = None if self.executor is None else Elsewhere(self.executor, self.folder)
        done: list[tuple[Trial, list[Score]]] = []

        async def trial(plan: Plan, judges: Judges) -> None:
            held, scores = _not_held(plan, "it was not begun"), list[Score]()
            try:
                async with at_once:
                    held = await _held(plan, elsewhere)
                await self._keep(kept.append_trial, held)
                scores = await scores_of(Trial(held, plan.scenario), self.scorers, judges)
                await self._keep(kept.append_scores, scores)
            except RAISED as error:  # one trial's: it would end all others
                if is_cancelled():
                    raise
                held = replace(held, error=held.error or told(error))
            done.append((Trial(held, plan.scenario), scores))
            with suppress(Exception):  # a bar whose output is closed
                self.bar.update()

        try:
            with Judges(self.context) as judges:
                async with asyncio.TaskGroup() as group:
                    for plan in plans:
                        group.create_task(trial(plan, judges))
        finally:
            if elsewhere is not None:
                await elsewhere.end()
            self.ended.set()
            self.bar.close()
        return Results.of(done, variants, self.folder)

    async def _keep(self, append: Callable[[Path, T], None], what: T) -> None:
        try:
            await asyncio.to_thread(append, self.folder, what)
        except OSError as error:
            warnings.warn(
                f"{self.folder} takes no more ({error.strerror or error}): results go on in memory only.",
                UserWarning,
                stacklevel=2,
            )


async def _held(plan: Plan, elsewhere: Elsewhere | None) -> Outcome:
    try:
        return await (hold(plan) if elsewhere is None else elsewhere.hold(plan))
    except RAISED as error:  # whatever it raises is this trial's
        if is_cancelled():
            raise
        return _not_held(plan, told(error))


def _not_held(plan: Plan, why: str) -> Outcome:
    return Outcome(plan.variant.name, plan.scenario.name, plan.repeat, error=why)


class Running(Handle[Results]):
    """A handle of an experiment that is being run.

    Attributes
    ----------
    folder : Path
        Where its sessions lie, and what became of them.
    """

    def __init__(self, future: Future[Results], stage: Stage) -> None:
        super().__init__(future, "Experiment.run")
        self.folder = stage.folder
        self._ended = stage.ended

    def result(self, timeout: float | None = None) -> Results:
        """Block until all is held, and return the results. Interrupted, it ends the calls first.

        Parameters
        ----------
        timeout
            In s; None waits as long as it takes.

        Raises
        ------
        ConfigurationError
            In a callback, where waiting would hang.
        TimeoutError
            When the timeout passes first; it goes on.
        """
        try:
            return super().result(timeout)
        except KeyboardInterrupt:
            self.cancel()
            with suppress(KeyboardInterrupt):
                self._ended.wait(_HANG_UP_S)
            raise KeyboardInterrupt(f"rtc.Results.load({str(self.folder)!r}) has what was held") from None
