"""Holding trials in an executor's threads or processes, and ending them there."""

from __future__ import annotations

import asyncio
import threading
import warnings
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import on_loop_thread, submit
from rtc_widget.experiments import kept
from rtc_widget.experiments.aside import aside
from rtc_widget.experiments.run import hold

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from rtc_widget.experiments.run import Outcome, Plan

__all__ = ["Elsewhere", "run_plan"]

_LOOK_S = 0.5


class Elsewhere:
    """Has an executor hold trials.

    Parameters
    ----------
    executor
        Its threads or processes may lie anywhere: all they share with us is the experiment's folder.
    folder
        That folder.
    """

    def __init__(self, executor: Executor, folder: Path) -> None:
        self._executor = executor
        self._folder = folder
        self._sent: list[Future[Outcome]] = []
        self._held: list[asyncio.Future[Outcome]] = []

    async def hold(self, plan: Plan) -> Outcome:
        """Hold a trial there; cancelled, it goes on until `end`."""
        held = aside(self._hold, plan)
        self._held.append(held)
        return await asyncio.shield(held)

    def _hold(self, plan: Plan) -> Outcome:
        future = self._executor.submit(run_plan, plan)  # some hold it now, before they return
        self._sent.append(future)
        return future.result()

    async def end(self) -> None:
        """End what is held, and return when nothing is any more."""
        if all(held.done() for held in self._held):
            return
        try:
            kept.stop(self._folder)
        except OSError as error:
            warnings.warn(
                f"{self._folder} takes no more ({error.strerror or error}), so an executor's calls are not "
                "told to end: they go on until they are over.",
                UserWarning,
                stacklevel=2,
            )
        for future in self._sent:
            future.cancel()  # those that were not begun
        await asyncio.gather(*self._held, return_exceptions=True)


def run_plan(plan: Plan) -> Outcome:
    """Hold a trial and wait for its end: what an executor calls, in a thread or a process of its own.

    Raises
    ------
    ConfigurationError
        The executor calls it where the calls themselves run, which would wait for itself.
    """
    if on_loop_thread():
        raise ConfigurationError("This executor runs what it is given at once: take one that has threads.")
    interrupted = threading.Event()
    held = submit(_until_stopped(plan, interrupted))
    try:
        return held.result()
    except KeyboardInterrupt:  # a terminal's, or a notebook's, goes to all processes: the call ends first
        interrupted.set()
        with suppress(CancelledError):
            held.result()
        raise


async def _until_stopped(plan: Plan, interrupted: threading.Event) -> Outcome:
    """Hold a trial, but no longer than its experiment goes on."""
    held = asyncio.ensure_future(hold(plan))
    while not interrupted.is_set() and not (plan.directory and kept.is_stopped(Path(plan.directory))):
        if (await asyncio.wait([held], timeout=_LOOK_S))[0]:
            return held.result()
    held.cancel()
    return await held
