"""Progress of what takes long, with tqdm where it is installed."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

T = TypeVar("T")

_LONG_BYTES = 50_000_000
_LONG_COUNT = 50


@contextmanager
def progress_of_bytes(path: Path, wanted: bool | None) -> Iterator[Callable[[int], None] | None]:
    """Give what is to be called with each number of bytes read; None where nobody watches."""
    size = path.stat().st_size
    bar = _bar() if (size > _LONG_BYTES if wanted is None else wanted) else None
    if bar is None:
        yield None
        return
    with bar(total=size, unit="B", unit_scale=True, desc=f"loading {path.parent.name}") as shown:
        yield shown.update


def progress_of(things: Sequence[T], what: str, wanted: bool | None) -> Iterable[T]:
    """Go through things, with a bar when there are many."""
    bar = _bar() if (len(things) > _LONG_COUNT if wanted is None else wanted) else None
    return things if bar is None else bar(things, desc=what)


class _NoBar:
    def update(self) -> None:
        pass

    def close(self) -> None:
        pass


def progress_bar(total: int, what: str, *, wanted: bool | None) -> Any:
    """Return a bar with `update()` and `close()`, which shows nothing where nobody watches."""
    bar = _bar() if (_is_watched() if wanted is None else wanted) else None
    return _NoBar() if bar is None else bar(total=total, desc=what)


def _is_watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _bar() -> Any:
    try:
        return import_module("tqdm.auto").tqdm
    except ImportError:
        return None
