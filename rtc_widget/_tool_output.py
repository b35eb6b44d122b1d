"""What a tool gave back, as the text that the model reads: whole where it is small, else cut with a note."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import json
import math
import numbers
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sized
from enum import Enum
from typing import Any

__all__ = ["MAX_CHARACTERS", "as_output", "collected"]

MAX_CHARACTERS = 12_000
"""Longest output by default: some 3,000 tokens."""

_MOST_ROWS = 20
_MOST_COLUMNS = 20
_MOST_VALUES = 200
_MOST_ITEMS = 1000
_DEEPEST = 20
_MISSING = frozenset({"NAType", "NaTType"})


def as_output(value: Any, max_characters: int = MAX_CHARACTERS) -> tuple[str, str | None]:
    """Turn a result into text.

    Parameters
    ----------
    value
        Strings stay as they are; numbers, lists, dicts, dataclasses, models of pydantic become JSON; frames
        CSV; figures, pictures and bytes are described.
    max_characters
        Longest text.

    Returns
    -------
    output : str
        What the model reads; it ends with what was cut, if something was.
    cut : str or None
        The same note, for people.
    """
    text, cut = _text(value)
    if len(text) > max_characters:
        kept = max_characters
        also = f"characters {kept + 1:,} to {len(text):,}"
        text, cut = text[:kept], f"{cut}; {also}" if cut else also
    return (f"{text}\n[cut: {cut}]", cut) if cut else (text, None)


async def collected(given: AsyncGenerator[Any, None]) -> Iterator[Any]:
    """Wait for what an async generator gives, as far as `as_output` reads it, which cannot wait itself."""
    parts: list[Any] = []
    async with contextlib.aclosing(given):
        async for part in given:
            parts.append(part)
            if len(parts) > _MOST_ITEMS:
                break
    return iter(parts)


def _text(value: Any) -> tuple[str, str | None]:
    if isinstance(value, str):
        return str(value.value if isinstance(value, Enum) else value), None
    described = _described(value)
    if described is not None:
        return described, f"{described.strip('[]')}; a tool's output is text"
    if _is_frame(value):
        return _frame(value)
    if _is_from(value, "numpy", "ndarray"):
        return _array(value)
    return json.dumps(_plain(value, 0), ensure_ascii=False, allow_nan=False), None


def _is_from(value: Any, package: str, *names: str) -> bool:
    """Say whether a value is of a package's type, without importing the package."""
    return any(
        kind.__module__.partition(".")[0] == package and kind.__name__ in names
        for kind in type(value).__mro__
    )


def _is_frame(value: Any) -> bool:
    return any(_is_from(value, package, "DataFrame", "Series") for package in ("pandas", "polars"))


def _described(value: Any) -> str | None:
    """Describe what no text can hold."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[{len(bytes(value)):,} bytes of binary data]"
    if callable(getattr(value, "savefig", None)):
        parts = getattr(value, "axes", ())
        titles = [axes.get_title() for axes in parts if axes.get_title()] if isinstance(parts, list) else []
        named = f": {', '.join(titles)}" if titles else ""
        return f"[a figure{named}]"
    size = getattr(value, "size", None)
    if _is_from(value, "PIL", "Image") and isinstance(size, tuple):
        return f"[a picture of {size[0]} × {size[1]} pixels]"
    if (
        hasattr(value, "to_plotly_json")
        or hasattr(value, "get_figure")
        or _is_from(value, "altair", "TopLevelMixin")
    ):
        return "[a figure]"
    return None


def _frame(value: Any) -> tuple[str, str | None]:
    """Write a frame as CSV: its first and last rows, its first columns."""
    frame = value.to_frame() if type(value).__name__ == "Series" else value
    pandas = hasattr(frame, "iloc")
    rows, columns = frame.shape
    names = [str(name) for name in frame.columns]
    cut = []
    if columns > _MOST_COLUMNS:
        cut.append(f"columns {', '.join(names[_MOST_COLUMNS:])}")
        frame = frame.iloc[:, :_MOST_COLUMNS] if pandas else frame[:, :_MOST_COLUMNS]
    if rows > _MOST_ROWS:
        half = _MOST_ROWS // 2
        cut.append(f"rows {half + 1:,} to {rows - half:,} of {rows:,}")
        head, tail = (frame.iloc[:half], frame.iloc[-half:]) if pandas else (frame[:half], frame[-half:])
        return f"{_csv(head)}…\n{_csv(tail, header=False)}".strip(), "; ".join(cut)
    return _csv(frame).strip(), "; ".join(cut) or None


def _csv(frame: Any, *, header: bool = True) -> str:
    if not hasattr(frame, "iloc"):
        return str(frame.write_csv(include_header=header))
    counted = type(frame.index).__name__ == "RangeIndex"
    return str(frame.to_csv(index=not counted, header=header, lineterminator="\n"))


def _array(value: Any) -> tuple[str, str | None]:
    if value.size <= _MOST_VALUES:
        return json.dumps(_plain(value.tolist(), 0), ensure_ascii=False), None
    shape = " × ".join(f"{length:,}" for length in value.shape)
    first = json.dumps(_plain(value.ravel()[:_MOST_VALUES].tolist(), 0), ensure_ascii=False)
    text = f"array of {shape} {value.dtype}, its first {_MOST_VALUES} values: {first}"
    return text, f"values {_MOST_VALUES + 1:,} to {value.size:,} of an array of {shape}"


def _plain(value: Any, depth: int) -> Any:
    """Turn a value into JSON's own kinds; what has none becomes its text."""
    if depth > _DEEPEST:
        return f"… ({type(value).__name__})"
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, numbers.Number):
        return _number(value)
    if isinstance(value, Mapping):
        return {_key(key): _plain(part, depth + 1) for key, part in value.items()}
    return _object(value, depth)


def _object(value: Any, depth: int) -> Any:
    for is_kind, convert in _KINDS:
        if is_kind(value):
            return _plain(convert(value), depth + 1)
    if isinstance(value, Iterable):
        return _list(value, depth)
    return None if type(value).__name__ in _MISSING else str(value)


def _list(value: Iterable[Any], depth: int) -> list[Any]:
    """Turn any iterable into a list; one that knows no end is cut, sets are sorted."""
    ordered = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
    if isinstance(ordered, Sized):
        return [_plain(part, depth + 1) for part in ordered]
    parts = [_plain(part, depth + 1) for part in itertools.islice(ordered, _MOST_ITEMS + 1)]
    return [*parts[:_MOST_ITEMS], "…"] if len(parts) > _MOST_ITEMS else parts


def _number(value: Any) -> Any:
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(value)
    return str(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(key.value if isinstance(key, Enum) else key)


def _is_made(value: Any) -> bool:
    return not isinstance(value, type)


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (
        lambda value: dataclasses.is_dataclass(value) and _is_made(value),
        lambda value: {field.name: getattr(value, field.name) for field in dataclasses.fields(value)},
    ),
    (
        lambda value: hasattr(value, "model_dump") and _is_made(value),
        lambda value: value.model_dump(mode="json"),
    ),
    (
        lambda value: isinstance(value, (dt.date, dt.time)) and type(value).__name__ not in _MISSING,
        lambda value: value.isoformat(),
    ),
    (lambda value: isinstance(value, (bytes, bytearray)), _described),
    (lambda value: _is_from(value, "numpy", "ndarray", "generic"), lambda value: value.tolist()),
    (_is_frame, lambda value: _frame(value)[0]),
)
"""What is of some library's kind, and how it becomes JSON's."""
