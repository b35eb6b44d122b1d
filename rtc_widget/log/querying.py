"""SQL over many sessions, by DuckDB: each frame is a table, read from the files that hold it."""

from __future__ import annotations

import glob
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from rtc_widget._errors import ConfigurationError
from rtc_widget.frames import FRAMES
from rtc_widget.frames._columns import STRING

if TYPE_CHECKING:
    from rtc_widget.log.many import Recordings

__all__ = ["ask"]

_EXAMPLE = "select count(*) from turns"
# A session's path is where it lies now, wherever it lay when its frames were written.
_HERE = (
    "select * exclude (filename) replace (regexp_replace(filename, "
    r"'[/\\][^/\\]*[/\\][^/\\]*$', '') as path) from"
)


def ask(recordings: Recordings, query: str) -> pd.DataFrame:
    """Answer a query.

    Parameters
    ----------
    recordings : Recordings
        Whose frames are the tables.
    query : str
        In DuckDB's SQL.

    Raises
    ------
    ConfigurationError
        DuckDB is not installed, or cannot answer: with its own words, and the tables there are.
    """
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError("rtc.sql needs DuckDB: run `pip install 'rtc_widget[analysis]'`.") from None
    text: object = query
    if not isinstance(text, str):
        raise ConfigurationError(f"A query is SQL in a str, such as {_EXAMPLE!r}, not {query!r}.")
    named = set(re.findall(r"\w+", query.lower()))
    with duckdb.connect() as connection:
        try:
            for name in FRAMES:
                if name in named:
                    _make_table(connection, recordings, name)
            relation: Any = connection.sql(query)  # None where there is no statement
            answer = None if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            raise ConfigurationError(
                f"DuckDB cannot answer this: {error}\nThe tables are {', '.join(FRAMES)}."
            ) from error
        if answer is None:
            raise ConfigurationError(f"{query!r} asks nothing: write a query such as {_EXAMPLE!r}.")
        return _to_pandas(answer)


def _make_table(connection: Any, recordings: Recordings, name: str) -> None:
    found = recordings.files(name)
    files = [one for one in found if not isinstance(one, pa.Table)]
    tables = [one for one in found if isinstance(one, pa.Table)]
    parts = []
    if files:
        # DuckDB takes a name for a pattern, and would read what that matches as well, or instead.
        listed = ", ".join("'" + glob.escape(str(file)).replace("'", "''") + "'" for file in files)
        told = ", filename=true" if name == "sessions" else ""
        # Folders called `turn=5` say nothing of what is in them.
        parts.append(
            f"{_HERE if told else 'select * from'} read_parquet([{listed}], hive_partitioning=false{told})"
        )
    if tables:
        connection.register(f"{name}_in_memory", pa.concat_tables(tables))
        parts.append(f"select * from {name}_in_memory")  # noqa: S608 - the name of a frame
    connection.execute(f"create view {name} as {' union all by name '.join(parts)}")


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    def dtype_of(kind: pa.DataType) -> Any:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return STRING
        if pa.types.is_boolean(kind):
            return pd.BooleanDtype()
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return pd.DatetimeTZDtype("us", "UTC")
        return pd.ArrowDtype(kind)

    frame: pd.DataFrame = _without_decimals(table).to_pandas(types_mapper=dtype_of)
    return frame


def _without_decimals(table: pa.Table) -> pa.Table:
    """Turn what DuckDB makes of a sum into the numbers that frames have: integers where they fit."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            values = table.column(place)
            try:
                values = values.cast(pa.int64() if field.type.scale == 0 else pa.float64())
            except pa.ArrowInvalid:
                values = values.cast(pa.float64())
            table = table.set_column(place, field.name, values)
    return table
