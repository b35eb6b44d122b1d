"""Arguments that several commands take, checked before anything is sent."""

from __future__ import annotations

import errno
import math
import numbers
import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget._tool_run import is_async
from rtc_widget.protocol.nearest import listed
from rtc_widget.protocol.refusal import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtc_widget.experiments.variant import Variant
    from rtc_widget.providers import Provider

__all__ = [
    "checked_approval",
    "checked_choice",
    "checked_count",
    "checked_flag",
    "checked_progress",
    "checked_provider",
    "checked_seed",
    "checked_seq",
    "checked_timeout",
    "checked_variant",
    "expanded",
    "is_iterable",
    "is_number",
    "is_whole",
]

F = TypeVar("F")
_SHOWN = 60


def is_whole(given: object) -> TypeGuard[int]:
    """Whether this is a whole number: of Python, or of numpy, as frames give them."""
    return isinstance(given, numbers.Integral) and not isinstance(given, bool)


def is_number(given: object) -> TypeGuard[float]:
    """Whether this is a finite number: of Python, or of numpy, as frames give them."""
    if not isinstance(given, numbers.Real) or isinstance(given, bool):
        return False
    try:
        return math.isfinite(cast("float", given))
    except OverflowError:  # a whole number of more digits than a float has room for
        return False


def is_iterable(given: object) -> TypeGuard[Iterable[Any]]:
    """Whether one can go through it; an array of one number says so and is not."""
    try:
        iter(given)  # type: ignore[call-overload]  # that is the question
    except TypeError:
        return False
    return True


def checked_choice(given: object, choices: Sequence[str], what: str) -> str:
    """Return one of some words.

    Raises
    ------
    ConfigurationError
        For what is none of them, a column or an array among that; begins with `what`.
    """
    if not isinstance(given, str) or given not in choices:
        raise ConfigurationError(f"{what} is {listed(map(shown, choices))}, not {shown(given)}.")
    return given


def checked_flag(given: object, what: str) -> bool:
    """Return True or False: of Python, or of numpy.

    Raises
    ------
    ConfigurationError
        For anything else, "no" among that; begins with `what`.
    """
    if not isinstance(given, bool | np.bool_):
        raise ConfigurationError(f"{what} is True or False, not {shown(given)}.")
    return bool(given)


def checked_progress(progress: object) -> bool | None:
    """Return whether a bar is shown; None where nobody says.

    Raises
    ------
    ConfigurationError
        For anything else than True, False or None.
    """
    return None if progress is None else checked_flag(progress, "progress, where it is not None,")


def checked_provider(provider: object) -> Provider:
    """Return what is a provider.

    Raises
    ------
    ConfigurationError
        For anything else, its class among that.
    """
    from rtc_widget.providers import Provider

    if isinstance(provider, Provider):
        return provider
    given = f"the class {provider.__name__}" if isinstance(provider, type) else f"a {type(provider).__name__}"
    raise ConfigurationError(f"provider is an object such as rtc.OpenAI(key) or rtc.Sandbox(), not {given}.")


def checked_timeout(timeout: object) -> float:
    """Return how long a command may take, in s.

    Raises
    ------
    ConfigurationError
        For what is no number above 0.
    """
    counts = isinstance(timeout, numbers.Real) and not isinstance(timeout, bool)
    try:
        limit_s = float(cast("float", timeout)) if counts else 0.0
    except OverflowError:  # a whole number of more digits than any clock has
        limit_s = 0.0
    if not limit_s > 0:
        way_out = " To wait long, give a large one: timeout=3600." if timeout is None else ""
        raise ConfigurationError(f"timeout is a number of seconds above 0, not {timeout!r}.{way_out}")
    return limit_s


def checked_count(given: object, what: str) -> int:
    """Return how many.

    Raises
    ------
    ConfigurationError
        For what is no whole number from 1; begins with `what`.
    """
    if not is_whole(given) or given < 1:
        raise ConfigurationError(f"{what}: 1 or more, not {given!r}.")
    return int(given)


def checked_seed(seed: object) -> int:
    """Return what a shuffle begins with.

    Raises
    ------
    ConfigurationError
        For what is no whole number.
    """
    if not is_whole(seed):
        raise ConfigurationError(f"seed is a whole number, not {seed!r}.")
    return int(seed)


def checked_approval(needs_approval: F) -> F:
    """Return whether a person is asked first, or the function that says it.

    Raises
    ------
    ConfigurationError
        For what is neither; and for an async function.
    """
    if not callable(needs_approval) and not isinstance(needs_approval, bool):
        raise ConfigurationError(f"needs_approval is True, False or a function, not {needs_approval!r}.")
    if callable(needs_approval) and is_async(needs_approval):
        raise ConfigurationError(
            "needs_approval is True, False or a plain function, not an async one: of the call's arguments, "
            "def needs_approval(size): …; of an MCP server's tools, def needs_approval(name, arguments): …"
        )
    return needs_approval


def checked_seq(since: object, now: int) -> int:
    """Return the `seq` to look from; `now` where none is given.

    Raises
    ------
    ConfigurationError
        For what is no number of a record.
    """
    if since is None:
        return now
    if not is_whole(since) or since < 0:
        raise ConfigurationError(f"since is the seq of a record, a whole number from 0, not {since!r}.")
    return int(since)


def checked_variant(variant: object) -> Variant:
    """Return what is a variant.

    Raises
    ------
    ConfigurationError
        For anything else; a name or a dict of fields is told how it becomes one.
    """
    from rtc_widget.experiments.variant import Variant

    if isinstance(variant, Variant):
        return variant
    ways: dict[type, str] = {
        str: 'load one by its name, rtc.Variant.load("…"); a text for the model is instructions="…"',
        dict: "give fields by their names, (**fields)",
    }
    way_out = ways.get(type(variant), 'make one, rtc.Variant("calm", instructions="…")')
    raise ConfigurationError(f"A variant is an rtc.Variant, not a {type(variant).__name__}: {way_out}.")


def expanded(path: str | PathLike[str]) -> Path:
    """Return a path with `~` and `~name` as the folders they stand for.

    Raises
    ------
    ConfigurationError
        It is no path, or none of this system, or there is no such home.
    """
    given: object = path
    if not isinstance(given, str | PathLike) or given == "":
        raise ConfigurationError(f"{path!r} is no path: give a str or a pathlib.Path.")
    try:
        place = Path(path).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"{path} cannot be read: there is no such home directory. Give the whole path."
        ) from None
    try:
        os.lstat(place)
    except ValueError as error:  # a sign that no path has
        raise ConfigurationError(
            f"{str(place)!r} cannot be read or written: it is no path ({error})."
        ) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            begin, n = str(place)[:_SHOWN], len(str(place))
            raise ConfigurationError(
                f"{begin!r}… cannot be read or written: {n} characters are no path."
            ) from None
    return place
