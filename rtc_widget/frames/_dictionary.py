"""The dictionary of a frame: its columns with their definitions, for a person to read."""

from __future__ import annotations

import re
import textwrap
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from rtc_widget.frames._columns import STRING

if TYPE_CHECKING:
    from rtc_widget.frames._frame import Frame

_WIDTH = 110
_CODE = re.compile(r"`([^`]+)`")


class Dictionary:
    """Columns of a frame, in order, each with its dtype, its definition and where it is read.

    Parameters
    ----------
    frame : Frame
        The frame.
    """

    def __init__(self, frame: Frame) -> None:
        self.name = frame.name
        self.row = frame.row
        self.columns = frame.all_columns

    def to_frame(self) -> pd.DataFrame:
        """Return it as a DataFrame: `column`, `dtype`, `definition`, `path`."""
        rows = [(c.name, c.dtype, c.doc, c.path or None) for c in self.columns]
        return pd.DataFrame(rows, columns=["column", "dtype", "definition", "path"], dtype=STRING)

    def __repr__(self) -> str:
        """Return a table of text."""
        wide = max(len(c.name) for c in self.columns)
        wide_dtype = max(len(c.dtype) for c in self.columns)
        lines = [f"{self.name}: a row is {self.row}"]
        for column in self.columns:
            head = f"  {column.name:<{wide}}  {column.dtype:<{wide_dtype}}  "
            lines += textwrap.wrap(
                column.doc,
                _WIDTH,
                initial_indent=head,
                subsequent_indent=" " * len(head),
                break_on_hyphens=False,
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'><code>{escape(c.name)}</code></td>"
            f"<td style='text-align:left'>{escape(c.dtype)}</td>"
            f"<td style='text-align:left'>{_marked(c.doc)}</td></tr>"
            for c in self.columns
        )
        head = f"<p><b>{escape(self.name)}</b>: a row is {escape(self.row)}</p>"
        return f"{head}<table><tbody>{rows}</tbody></table>"


def _marked(doc: str) -> str:
    """Return a definition as HTML, what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(doc))


def describe(name: str) -> Dictionary:
    """Return the dictionary of a frame; shown, it is a table of columns with their definitions.

    Parameters
    ----------
    name : str
        The frame, such as `turns`.

    Returns
    -------
    Dictionary
        `.to_frame()` gives it as a DataFrame.

    Raises
    ------
    ConfigurationError
        There is no such frame.
    """
    from rtc_widget.frames import frame_of

    return Dictionary(frame_of(name))
