"""Nothing of ours shadows a name that anywidget, ipywidgets or traitlets own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anywidget
import pytest

import rtc_widget as rtc
from rtc_widget import audio, providers
from rtc_widget.session import Session

if TYPE_CHECKING:
    from types import ModuleType

MEANT = {
    *("__dict__", "__doc__", "__init__", "__module__", "__repr__", "__weakref__"),
    *("_css", "_esm", "close"),
}


class _Bare(anywidget.AnyWidget):
    """What every widget class has of its own making."""


def test_only_close_and_the_repr_are_overridden() -> None:
    ours: set[str] = set()
    for kind in rtc.RealtimeWidget.__mro__:
        if kind.__module__.startswith("rtc_widget"):
            ours |= set(vars(kind)) - set(vars(_Bare)) | {"__init__", "__repr__"} & set(vars(kind))
    theirs = set(dir(anywidget.AnyWidget)) - set(dir(object))
    assert ours & theirs <= MEANT


def test_no_attribute_of_an_instance_hides_one_of_the_widget() -> None:
    session = rtc.HeadlessSession(instructions="Hello.")
    theirs = set(dir(anywidget.AnyWidget)) - set(dir(object))
    assert not set(vars(session)) & theirs
    session.close()


@pytest.mark.parametrize("name", ["send", "log", "open", "keys", "comm", "layout", "traits", "observe"])
def test_names_that_a_widget_owns_are_not_a_session_s(name: str) -> None:
    assert not hasattr(Session, name)


@pytest.mark.parametrize("module", [rtc, rtc.frames, rtc.sip, audio, providers], ids=lambda one: one.__name__)
def test_dir_of_a_public_module_is_what_it_offers_and_not_what_it_imports(module: ModuleType) -> None:
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_every_public_name_is_there_and_sorted() -> None:
    assert rtc.__all__ == sorted(rtc.__all__)
    for name in rtc.__all__:
        assert getattr(rtc, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = rtc.nonsense  # type: ignore[attr-defined]  # a type checker sees it too
