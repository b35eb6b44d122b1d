"""A frame of rows: the columns of what experiments bring, in the types that every frame has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["CATEGORY", "FLOAT", "INT", "STRING", "TIME", "frame_of"]

STRING, CATEGORY, FLOAT, INT = pd.StringDtype("pyarrow"), "category", "double[pyarrow]", "int64[pyarrow]"
TIME = "datetime64[us, UTC]"


def frame_of(rows: Sequence[Any], columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a frame.

    Parameters
    ----------
    rows
        Mappings, or objects with these attributes; None is missing.
    columns
        Name and type of each column.
    """
    made: dict[str, Any] = {}
    for name, kind in columns.items():
        values = [row[name] if isinstance(row, Mapping) else getattr(row, name) for row in rows]
        values = [str(value) if isinstance(value, Path) else value for value in values]
        series: Any = pd.Series(values, dtype=STRING if kind == CATEGORY else kind)
        made[name] = series.astype(kind)
    return pd.DataFrame(made)
