"""Columns declared as path, dtype and definition, and how values become them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from rtc_widget._conversation.shapes import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pandas.api.extensions import ExtensionArray

Kind = Literal["string", "strings", "int", "float", "category", "bool", "time"]

_DTYPES_KEPT = 256
STRING = pd.StringDtype("pyarrow")
MISSING = "–"
"""What stands for a missing value where a person reads."""
ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.large_string(),
    "strings": pa.list_(pa.large_string()),
    "category": pa.large_string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame.

    Attributes
    ----------
    name : str
        Its name; units are in it.
    path : str
        Where a row's value is: attributes or JSON keys, joined by dots; empty for what nothing measures yet.
    kind : str
        `string`, `strings` (a list), `int`, `float`, `category`, `bool` or `time` (UTC).
    doc : str
        Its definition.
    categories : tuple of str
        Of a category: the values known beforehand, in order. Others may come.
    """

    name: str
    path: str
    kind: Kind
    doc: str
    categories: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """The pandas dtype, as pandas writes it."""
        names = {"int": "int64[pyarrow]", "float": "double[pyarrow]", "bool": "boolean"}
        names |= {
            "time": "datetime64[us, UTC]",
            "string": "string[pyarrow]",
            "strings": str(pd.ArrowDtype(ARROW_TYPES["strings"])),
        }
        return names.get(self.kind, self.kind)

    def values(self, rows: Sequence[Any]) -> list[Any]:
        """Read the column's value out of each row; None where there is none."""
        if not self.path:
            return [None] * len(rows)
        if rows and not isinstance(rows[0], dict):
            with contextlib.suppress(AttributeError):  # on the way there is None somewhere, or a dict
                return list(map(attrgetter(self.path), rows))
        steps = self.path.split(".")
        return [_walk(row, steps) for row in rows]


def _walk(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if value is None:
            return None
        value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
    return value


def to_arrow(values: Sequence[Any], kind: str) -> pa.Array:
    """Return values as an Arrow array; a value of another kind becomes null, never an error."""
    try:
        return pa.array(values, ARROW_TYPES[kind])
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        fit = _FITS[kind]
        return pa.array([None if value is None else fit(value) for value in values], ARROW_TYPES[kind])


def _fit_text(value: Any) -> str | None:
    words = text(value)
    return None if words is None else words.encode("utf-8", "backslashreplace").decode("utf-8")


def _fit_int(value: Any) -> int | None:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return int(value) if whole and abs(value) < 2**63 else None


def _fit_float(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:  # a JSON number has as many digits as it likes
        return None


_FITS: dict[str, Callable[[Any], Any]] = {
    "string": _fit_text,
    "strings": lambda value: [_fit_text(v) for v in value] if isinstance(value, list) else None,
    "category": _fit_text,
    "int": _fit_int,
    "float": _fit_float,
    "bool": lambda value: value if isinstance(value, bool) else None,
    "time": lambda _: None,
}


def to_pandas(values: pa.Array | pa.ChunkedArray, column: Column) -> ExtensionArray:
    """Return an Arrow array as the pandas array of that column, without a copy where there is a way."""
    if column.kind == "category":
        return to_categorical(values, column.categories)
    if column.kind == "string":
        return to_strings(values)
    if column.kind == "bool":
        return _booleans(values)
    if column.kind == "time":
        return _instants(values)
    return pd.arrays.ArrowExtensionArray(values.cast(ARROW_TYPES[column.kind]))


def _booleans(values: pa.Array | pa.ChunkedArray) -> ExtensionArray:
    truth = values.fill_null(False).to_numpy(zero_copy_only=False)
    return pd.arrays.BooleanArray(truth, values.is_null().to_numpy(zero_copy_only=False))


def _instants(values: pa.Array | pa.ChunkedArray) -> ExtensionArray:
    made: ExtensionArray = pd.array(values.to_pylist(), dtype=pd.DatetimeTZDtype("us", "UTC"))
    return made


def to_strings(values: pa.Array | pa.ChunkedArray) -> ExtensionArray:
    """Return Arrow strings as a pandas array that shares their memory."""
    made: ExtensionArray = STRING.__from_arrow__(values.cast(pa.large_string()))  # type: ignore[attr-defined]  # the stubs lack pandas' documented hook
    return made


def to_categorical(values: pa.Array | pa.ChunkedArray, known: Iterable[str]) -> pd.Categorical:
    """Return strings as a categorical: the known values first, then others as they come."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    places = {name: place for place, name in enumerate(dict.fromkeys([*known, *found]))}
    moved = np.array([places[name] for name in found] + [-1], dtype=np.int32)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return categorical(moved[codes], list(places))


def categorical(codes: np.ndarray[Any, Any], names: Sequence[str]) -> pd.Categorical:
    """Return a categorical of these numbers (-1: missing) and names."""
    return pd.Categorical.from_codes(codes, dtype=_dtype_of(tuple(names)), validate=False)


@lru_cache(_DTYPES_KEPT)
def _dtype_of(names: tuple[str, ...]) -> pd.CategoricalDtype:
    """Return the dtype of these categories; kept, for making one takes longer than most columns do."""
    return pd.CategoricalDtype(pd.Index(pd.array(list(names), dtype=STRING)))


def to_table(frame: pd.DataFrame, columns: Sequence[Column]) -> pa.Table:
    """Return a frame as an Arrow table of plain types, as it is written to Parquet."""
    made = {}
    for column in columns:
        values = frame[column.name].array
        if isinstance(values, pd.Categorical):
            names = pa.array(values.categories.to_list(), ARROW_TYPES["string"])
            codes = pa.array(values.codes, mask=values.codes < 0)
            made[column.name] = pa.DictionaryArray.from_arrays(codes, names).dictionary_decode()
        else:
            made[column.name] = pa.array(values, ARROW_TYPES[column.kind])
    return pa.table(made)


def assemble(columns: dict[str, Any], length: int) -> pd.DataFrame:
    """Put arrays side by side."""
    return pd.DataFrame(columns, index=pd.RangeIndex(length), copy=False)


def text_of(value: Any, form: str = "{}") -> str:
    """Return a value as a person reads it: by its form, or a dash where it is missing."""
    return MISSING if pd.isna(value) else form.format(value)
