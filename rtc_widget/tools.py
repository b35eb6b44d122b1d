"""Python functions as tools of the model: described to it, checked, run, and answered in text."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import time
import traceback
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from rtc_widget._arguments import checked_approval, checked_count, checked_timeout
from rtc_widget._errors import ConfigurationError
from rtc_widget._tool_output import MAX_CHARACTERS, as_output, collected
from rtc_widget._tool_run import forget, in_context, in_one_line, in_thread, is_async
from rtc_widget._tool_schema import Parameters
from rtc_widget.protocol.rules import TOOL_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tool", "ToolResult"]

_TIMEOUT_S = 30.0
_MS_IN_S = 1000.0
_SAID = ("name", "description", "needs_approval", "timeout", "max_characters")
_MADE: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How one run of a tool ended.

    Attributes
    ----------
    output
        The text for the model: the result, or what went wrong.
    error
        What went wrong in one line, None when nothing did.
    traceback
        The whole of it, for people.
    run_ms
        The function's own time.
    cut
        What of the result was left out, None when nothing was.
    """

    output: str
    error: str | None = None
    traceback: str | None = None
    run_ms: float = 0.0
    cut: str | None = None


class Tool:
    """One function that the model may call.

    Parameters
    ----------
    function
        With type hints; sync (it runs in a thread of its own) or async (on the loop that runs the tool). What
        it prints lands under the cell that made the tool.
    name
        For the model; None takes the function's.
    description
        For the model; None takes the docstring up to its first section.
    needs_approval
        Whether a person is asked first: True, or a function of (some of) the arguments by name.
    timeout
        Longest run, in s. A sync function that takes longer goes on in its thread, unheard.
    max_characters
        Longest output.

    Raises
    ------
    ConfigurationError
        For what no model can call: a name the API does not take, a parameter that no JSON can fill.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        needs_approval: bool | Callable[..., bool] = False,
        timeout: float = _TIMEOUT_S,
        max_characters: int = MAX_CHARACTERS,
    ) -> None:
        _check_function(function)
        self.timeout = checked_timeout(timeout)
        self.function = function
        self.name = _checked_name(function, name)
        parameters = Parameters(function, self.name)
        self._parameters = parameters
        text: object = parameters.description if description is None else description
        if not isinstance(text, str):
            raise ConfigurationError(f"description is a text for the model, not {description!r}.")
        self.description = text.strip()
        self.needs_approval = checked_approval(needs_approval)
        self.max_characters = checked_count(max_characters, "max_characters is how long an output may be")
        self._context = contextvars.copy_context()

    def definition(self) -> dict[str, Any]:
        """Return the tool as `session.tools` takes it."""
        described = {"description": self.description} if self.description else {}
        return {"type": "function", "name": self.name, **described, "parameters": self._parameters.schema}

    def check(self, arguments_json: str) -> dict[str, Any]:
        """Turn the model's arguments into the function's own.

        Raises
        ------
        ValueError
            When they do not fit; the text says what to mend.
        """
        return self._parameters.check(arguments_json)

    def asks_first(self, arguments_json: str) -> bool:
        """Say whether a person is to approve this call.

        Parameters
        ----------
        arguments_json
            As the model gave them. Those that do not fit need no approval: they are never run.

        Raises
        ------
        Exception
            Whatever the question raises; then a person is to be asked.
        """
        if not callable(self.needs_approval):
            return bool(self.needs_approval)
        try:
            arguments = self.check(arguments_json)
        except ValueError:
            return False
        verdict = self._context.copy().run(self._question, self.needs_approval, arguments)
        if inspect.isawaitable(verdict):
            if inspect.iscoroutine(verdict):
                verdict.close()
            raise TypeError("needs_approval returned what is to be awaited, not True or False")
        return bool(verdict)

    def _question(self, needs_approval: Callable[..., bool], arguments: dict[str, Any]) -> bool:
        """Call the question with those of the arguments that it takes."""
        takes = inspect.signature(needs_approval).parameters
        every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
        bound = inspect.signature(self.function).bind(**arguments)
        bound.apply_defaults()
        return needs_approval(
            **{name: value for name, value in bound.arguments.items() if every or name in takes}
        )

    async def run(self, arguments_json: str, *, timeout: float | None = None) -> ToolResult:
        """Check the arguments, run the function, turn what it gives back into text. Never raises.

        Parameters
        ----------
        arguments_json
            As in `response.function_call_arguments.done`.
        timeout
            Longest run, in s; None takes the tool's own.
        """
        try:
            arguments = self.check(arguments_json)
        except ValueError as error:
            said = f"The arguments of {self.name} do not fit: {error}"
            return ToolResult(f"{said}. Call it again with arguments that fit its schema.", said)
        limit_s = self.timeout if timeout is None else timeout
        began_s = time.perf_counter()
        task = asyncio.create_task(self._call(arguments))
        try:
            # Not wait_for: it would wait for a function that does not let itself be cancelled.
            await asyncio.wait({task}, timeout=limit_s)
        finally:
            task.cancel()
        run_ms = (time.perf_counter() - began_s) * _MS_IN_S
        if not task.done():
            task.add_done_callback(forget)
            return self._failed(TimeoutError(f"no result within {limit_s:g} s"), run_ms)
        if task.cancelled():
            return self._failed(RuntimeError("the function was cancelled from within"), run_ms)
        failure = task.exception()
        return task.result() if failure is None else self._failed(failure, run_ms)

    def _failed(self, error: BaseException, run_ms: float) -> ToolResult:
        said = f"{self.name} failed: {in_one_line(error)}"
        return ToolResult(said, said, "".join(traceback.format_exception(error)), run_ms)

    async def _call(self, arguments: dict[str, Any]) -> ToolResult:
        # A context can be entered once at a time: each run has a copy of the one where the tool was made.
        context = self._context.copy()
        began_s = time.perf_counter()
        if is_async(self.function):
            value = await in_context(self.function(**arguments), context)
        else:
            value = await in_thread(lambda: context.run(self.function, **arguments))
            if inspect.isawaitable(value):
                value = await in_context(value, context)
        if isinstance(value, AsyncGenerator):
            value = await in_context(collected(value), context)
        run_ms = (time.perf_counter() - began_s) * _MS_IN_S
        # A large result takes a while to write, which the loop (and the sound on it) shall not notice.
        output, cut = await in_thread(lambda: as_output(value, self.max_characters))
        return ToolResult(output, run_ms=run_ms, cut=cut)

    def __repr__(self) -> str:
        """Show the tool as it is called."""
        return f"Tool({self.name}{inspect.signature(self.function)})"


def remember(tool: Tool) -> None:
    """Keep what was said of a function when it was made a tool: that a person is asked first, above all."""
    with contextlib.suppress(
        AttributeError, TypeError
    ):  # a server's tool has none; some take no weak reference
        _MADE[tool.function] = {name: getattr(tool, name) for name in _SAID}


def made_of(function: object) -> Tool | None:
    """Return the tool that a function was last made; None where it has not been made one."""
    try:
        said = _MADE.get(function)
    except TypeError:  # it cannot be hashed
        return None
    return None if said is None else Tool(cast("Callable[..., Any]", function), **said)


def _check_function(function: object) -> None:
    if not callable(function):
        raise ConfigurationError(f"A tool is a function, and {function!r} is none.")
    if inspect.isfunction(function) and "self" in list(inspect.signature(function).parameters)[:1]:
        name = function.__name__
        raise ConfigurationError(
            f"{function.__qualname__} is a method without its object. Right form: the object's, thing.{name}."
        )


def _checked_name(function: Callable[..., Any], name: str | None) -> str:
    inner = getattr(function, "func", function)
    own = name if name is not None else getattr(inner, "__name__", type(inner).__name__)
    if not isinstance(own, str) or TOOL_NAME.fullmatch(own) is None:
        raise ConfigurationError(
            f"{own!r} is no name of a tool: 1 to 64 letters a–z, digits, _ or -. Right form: name='my_tool'."
        )
    return own
