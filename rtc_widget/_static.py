"""The files that js/ builds, read when they are needed, so that the package imports without them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rtc_widget._errors import ConfigurationError

__all__ = ["Static", "read_static"]

_FOLDER = Path(__file__).parent / "static"


class Static:
    """A built file, read when a widget is made.

    Parameters
    ----------
    name
        Of the file.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return read_static(self._name)


@cache
def read_static(name: str) -> str:
    """Return the text of a built file.

    Raises
    ------
    ConfigurationError
        It has not been built.
    """
    try:
        return (_FOLDER / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{name} has not been built: run `npm --prefix js ci && npm --prefix js run build`."
        ) from None
