"""`df.rtc.path("item.role")`: one place in a column of JSON text, read fast."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rtc_widget._conversation.shapes import text
from rtc_widget._errors import ConfigurationError
from rtc_widget.frames._columns import ARROW_TYPES, to_arrow, to_strings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BATCH = 8192
_FEW = 64
_MOST_DIGITS = 18
_IN_BRACKETS = re.compile(r"(?<=[^.])\[(\d+)\](?=[.\[]|$)")
_NOTHING = pa.scalar("", pa.large_string())
_NEWLINE = pa.scalar("\n", pa.large_string())
_Values = list[Any]
_value_of = attrgetter("value")


@pd.api.extensions.register_dataframe_accessor("rtc")
class RtcAccessor:
    """What rtc_widget adds to a DataFrame, as `df.rtc`.

    Parameters
    ----------
    frame : DataFrame
        One with a column of JSON text, such as `events`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def path(self, path: str, column: str = "event") -> pd.Series[Any]:
        """Read one place of the JSON text in each row.

        Parameters
        ----------
        path : str
            Names joined by dots, and numbers for places in a list (or names in an object):
            `response.usage.total_tokens`, `item.content.0.transcript`, or `item.content[0].transcript`.
        column : str
            The column of JSON text.

        Returns
        -------
        Series
            As long as the frame, with its index. `string`, `int64[pyarrow]`, `double[pyarrow]` or
            `boolean`, as the values are; objects, lists and mixed values as JSON text. `NA` where
            there is nothing at that place, or null.

        Raises
        ------
        ConfigurationError
            The path is empty, or there is no such column.
        """
        name: object = column
        if not isinstance(name, str) or name not in self._frame:
            raise ConfigurationError(f"this frame has no column {column!r} of JSON text")
        given: object = path
        if not isinstance(given, str) or "" in given.split("."):
            raise ConfigurationError(f"{path!r} is no path: names joined by dots, such as item.role")
        read = _reader(_IN_BRACKETS.sub(r".\1", path))
        texts = pa.array(self._frame[column].array, ARROW_TYPES["string"])
        values: _Values = []
        for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
            for start in range(0, len(chunk), _BATCH):
                values.extend(read(chunk[start : start + _BATCH]))
        return pd.Series(_to_array(values), index=self._frame.index, name=path)


@lru_cache(maxsize=128)
def _reader(path: str) -> Callable[[pa.Array], _Values]:
    """Make what reads one place out of many texts, and decodes nothing else of them."""
    steps = path.split(".")
    try:
        return _fast_reader(steps)
    except ValueError:  # a name that no msgspec.Struct can have: with quotes, signs that do not show, …
        return lambda texts: [_read_slowly(one, steps) for one in texts.to_pylist()]


def _fast_reader(steps: Sequence[str]) -> Callable[[pa.Array], _Values]:
    shape: Any = Any
    missing: Any = None
    takes: list[Callable[[_Values], _Values]] = []
    for step in reversed(steps):
        shape, missing, take = _level(step, shape, missing)
        takes.insert(0, take)
    decoder = msgspec.json.Decoder(shape)
    all_the_way = attrgetter(".".join(["value"] * len(steps)))

    def read(texts: pa.Array) -> _Values:
        joined = _joined(texts)
        try:
            if joined is None:
                raise msgspec.DecodeError
            values: _Values = decoder.decode_lines(joined)
            if len(values) != len(texts):
                raise msgspec.DecodeError
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            if len(texts) <= _FEW:
                return [_read_slowly(one, steps) for one in texts.to_pylist()]
            half = len(texts) // 2  # one odd text is soon alone
            return read(texts[:half]) + read(texts[half:])
        try:
            return list(map(all_the_way, values))
        except AttributeError:  # a list on the way, or something odd
            for take in takes:
                values = take(values)
            return values

    return read


def _is_place(step: str) -> bool:
    """Whether it may be a place in a list: a number, and of no more digits than a list is long."""
    return step.isdecimal() and len(step) <= _MOST_DIGITS


def _level(step: str, below: Any, missing: Any) -> tuple[Any, Any, Callable[[_Values], _Values]]:
    """Return the type of one step of a path (and of anything else), what stands for none, how to go on."""
    scalar = None | bool | int | float | str
    if _is_place(step):
        place = int(step)

        def take_place(values: _Values) -> _Values:
            return [
                v.get(step) if type(v) is dict else v[place] if type(v) is list and len(v) > place else None
                for v in values
            ]

        return list[below] | dict[str, below] | scalar, None, take_place
    # Where there is no such step, one without a value stands: most rows have none, and none is odd then.
    field = ("value", below, missing)
    struct: Any = msgspec.defstruct("Step", [field], rename={"value": step}, gc=False, frozen=True)

    def take(values: _Values) -> _Values:
        try:
            return list(map(_value_of, values))
        except AttributeError:  # not all of them are objects
            return [v.value if type(v) is struct else None for v in values]

    return struct | list[Any] | scalar, struct(), take


def _joined(texts: pa.Array) -> pa.Buffer | None:
    """Return texts one after the other, as the decoder takes them; None where it could lose count."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    opened = not texts.null_count and bool(np.diff(places).all())
    if opened:
        letters = np.frombuffer(data, np.uint8)
        opened = bool((letters[places[:-1]] == ord("{")).all())
        if opened and (letters[places[1:] - 1] == ord("}")).all():
            begin, end = places[[0, -1]].tolist()
            return data.slice(begin, end - begin)  # nothing needs to stand between objects
    filled = texts.fill_null("null") if texts.null_count else texts
    _, _, lines = pc.binary_join_element_wise(filled, _NOTHING, _NEWLINE).buffers()
    if opened:
        return lines  # each is at least one value: where one is more, there are too many
    return lines if np.count_nonzero(np.frombuffer(lines, np.uint8) == ord("\n")) == len(texts) else None


def _read_slowly(one: str | None, steps: Sequence[str]) -> Any:
    try:
        value = None if one is None else json.loads(one)
    except (ValueError, RecursionError):
        return None
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and _is_place(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _to_array(values: _Values) -> Any:
    """Return values as the narrowest array that holds them all; as JSON text where they are mixed."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bool}:
        return pd.array(values, "boolean")
    if kinds == {int} and all(-(2**63) <= v < 2**63 for v in values if v is not None):
        return pd.arrays.ArrowExtensionArray(to_arrow(values, "int"))
    if kinds and kinds <= {int, float}:
        return pd.arrays.ArrowExtensionArray(to_arrow(values, "float"))
    if not kinds <= {str}:
        values = [text(value) for value in values]
    return to_strings(to_arrow(values, "string"))
