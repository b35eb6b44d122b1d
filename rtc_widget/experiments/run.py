"""Holding one trial: a call of its own, a variant in it, and a scenario's steps one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import RtcWidgetError, WaitTimeout
from rtc_widget._words import said_by
from rtc_widget.experiments.scenario import Play, Say, words_of
from rtc_widget.experiments.unattended import refuse_questions
from rtc_widget.log.folders import JOURNAL

if TYPE_CHECKING:
    from rtc_widget.experiments.scenario import Scenario, Step
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.headless import HeadlessSession
    from rtc_widget.providers import Provider
    from rtc_widget.session import Session

__all__ = ["RAISED", "Outcome", "Plan", "ProviderOf", "hold", "is_cancelled", "session_of", "told"]

ProviderOf = Callable[[], "Provider"]
RAISED = (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt)
"""What a trial may raise: a step of the user's own raises anything, or awaits what it has cancelled."""


@dataclass(frozen=True)
class Plan:
    """All that a trial needs, wherever it runs.

    Attributes
    ----------
    provider
        What makes the provider there: one that holds a key does not travel.
    fields
        What the session is made with, before the variant.
    directory
        Where the session's folder goes; None keeps it in memory, and then nothing of it is left.
    timeout
        Of one step, in s.
    """

    variant: Variant
    scenario: Scenario
    repeat: int
    provider: ProviderOf | Provider | None
    fields: dict[str, Any]
    directory: str | None
    record: bool
    timeout: float


@dataclass(frozen=True)
class Outcome:
    """What became of a trial.

    Attributes
    ----------
    path
        The session's folder; None where none was begun.
    turns
        Of each step that was taken, the numbers of the turns it made.
    duration_ms
        None where no session was begun.
    error
        Why it was not finished; None when it was.
    """

    variant: str
    scenario: str
    repeat: int
    session_id: str | None = None
    path: str | None = None
    turns: list[list[int]] = field(default_factory=list)
    duration_ms: float | None = None
    error: str | None = None


def session_of(plan: Plan) -> HeadlessSession:
    """Make a trial's session; nothing is sent yet.

    Raises
    ------
    RtcWidgetError
        For a field that no session takes, or a package that is missing.
    """
    from rtc_widget.headless import HeadlessSession

    provider = plan.provider() if callable(plan.provider) else plan.provider
    session = HeadlessSession(provider=provider, directory=plan.directory, record=plan.record, **plan.fields)
    refuse_questions(session)
    return session


async def hold(plan: Plan) -> Outcome:
    """Hold a trial; what goes wrong in it is told, not raised, unless it is cancelled from outside."""
    names: dict[str, Any] = {
        "variant": plan.variant.name,
        "scenario": plan.scenario.name,
        "repeat": plan.repeat,
    }
    began_s = time.monotonic()
    turns: list[list[int]] = []
    error: str | None = None
    try:
        session = session_of(plan)
    except RAISED as failure:  # the user's own function makes the provider
        return Outcome(**names, error=told(failure))
    try:
        await session.update(plan.variant)
        session.event_log.note("rtc.trial", **names, scenario_hash=plan.scenario.hash)
        await session.connect(microphone="none")
        for place, step in enumerate(plan.scenario.steps):
            turns.append(await _take(session, place, step, plan.timeout))
        await session.hang_up()
    except RAISED as failure:
        error = told(failure)
        session.event_log.note("rtc.error", source="callback", code=type(failure).__name__, message=error)
        if is_cancelled():
            raise
    finally:
        await session.close()
    if error is None and plan.directory is not None and not _is_kept(session):
        error = f"nothing of it could be kept in {plan.directory}"
    return Outcome(
        **names,
        session_id=session.event_log.session_id,
        path=None if session.folder is None else str(session.folder),
        turns=turns,
        duration_ms=round(1000 * (time.monotonic() - began_s), 3),
        error=error,
    )


def is_cancelled() -> bool:
    """Whether this very task is to end, and not something that was awaited in it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_kept(session: Session) -> bool:
    return session.folder is not None and (session.folder / JOURNAL).exists()


async def _take(session: HeadlessSession, place: int, step: Step, timeout: float) -> list[int]:
    """Take a step, and return the numbers of the turns it made; the log keeps them."""
    before = len(session.conversation.turns)
    if isinstance(step, Say | Play):
        await step.run(session, timeout)
    else:
        await _within(step(session), f"the step {words_of(step)}", timeout, session)
    made = list(range(before, len(session.conversation.turns)))
    session.event_log.note("rtc.step", step=place, what=words_of(step), turns=made)
    return made


async def _within(work: Awaitable[object], what: str, timeout: float, session: Session) -> None:
    since = len(session.event_log)
    try:
        async with asyncio.timeout(timeout) as limit:
            await work
    except TimeoutError:
        if limit.expired():
            came = session._core.last_types(since=since)  # noqa: SLF001 - of this package
            raise WaitTimeout(what, timeout, came) from None
        raise


def told(error: BaseException) -> str:
    """Return an error's words, with its class where it is not one of ours."""
    words = said_by(error) or "it says no more"
    return words if isinstance(error, RtcWidgetError) else f"{type(error).__name__}: {words}"
