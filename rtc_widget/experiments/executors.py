"""Where calls may be held: what an executor must be, and what can be sent to it."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.scenario import Play, Say, words_of
from rtc_widget.providers import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rtc_widget.experiments.run import Plan

__all__ = ["check_executor"]


def check_executor(executor: object, plans: Sequence[Plan]) -> None:
    """Refuse what is no executor, and one of processes that these trials cannot be sent to.

    Raises
    ------
    ConfigurationError
        Names what, and the way out.
    """
    if executor is None:
        return
    if not isinstance(executor, Executor):
        client = " Of a Dask client it is client.get_executor()." if hasattr(executor, "get_executor") else ""
        raise ConfigurationError(f"executor is a concurrent.futures.Executor, not {executor!r}.{client}")
    if isinstance(executor, ProcessPoolExecutor):
        for plan in plans:
            _check_travels(plan, executor)


def _check_travels(plan: Plan, executor: ProcessPoolExecutor) -> None:
    if isinstance(plan.provider, Provider):
        kind = type(plan.provider).__name__
        raise ConfigurationError(
            f"A provider holds a key, and is not sent to other processes: provider=rtc.{kind}, the class "
            "or a function, makes one in each."
        )
    way_out = "put it into a module that they can import, or take executor=ThreadPoolExecutor(…)."
    for name, function in _functions(plan):
        if getattr(function, "__module__", None) == "__main__" and _imports_anew(executor):
            raise ConfigurationError(
                f"Other processes cannot find {name}, which was defined in this notebook: {way_out}"
            )
    try:
        pickle.dumps(plan)
    except Exception as error:  # noqa: BLE001 - pickle raises what it likes
        raise ConfigurationError(
            f"This cannot be sent to other processes ({error}): if it is a lambda or a function inside "
            f"another, {way_out}"
        ) from None


def _functions(plan: Plan) -> Iterator[tuple[str, Any]]:
    if plan.provider is not None:
        yield "the function that makes the provider", plan.provider
    for step in plan.scenario.steps:
        if not isinstance(step, Say | Play):
            yield f"the step {words_of(step)}", step
    tools = plan.fields.get("tools")
    for tool in tools if isinstance(tools, list | tuple) else ():
        function = getattr(tool, "function", tool)
        yield f"the tool {getattr(function, '__name__', function)}", function


def _imports_anew(executor: ProcessPoolExecutor) -> bool:
    """Whether its processes begin without what this one holds, and have no file to read it from."""
    context = getattr(executor, "_mp_context", None) or multiprocessing.get_context()
    return context.get_start_method() != "fork" and not hasattr(sys.modules["__main__"], "__file__")
