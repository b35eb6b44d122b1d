"""Charts that a notebook's host draws by itself."""

from __future__ import annotations

from typing import Any

from rtc_widget._errors import ConfigurationError

__all__ = ["altair_for", "host_drawn"]

_HOST_MIME = "application/vnd.vegalite.v5+json"
_MIDDLE, _FAINT = "#7a7a7a", "#8883"  # to be read on light and on dark
_LOOK: dict[str, Any] = {
    "axis": {
        "labelColor": _MIDDLE,
        "titleColor": _MIDDLE,
        "gridColor": _FAINT,
        "domainColor": _MIDDLE,
        "tickColor": _MIDDLE,
    },
    "title": {"color": _MIDDLE},
    "rule": {"color": _MIDDLE},
    "view": {"stroke": _FAINT},
}
_HOST_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def altair_for(what: str) -> Any:
    """Return Altair.

    Raises
    ------
    ConfigurationError
        It is not installed; says that `what` needs it.
    """
    try:
        import altair as alt
    except ImportError:
        raise ConfigurationError(f"{what} needs Altair: run `pip install 'rtc_widget[analysis]'`.") from None
    return alt


def host_drawn(kind: type[Any], words: str) -> Any:
    """Return a class of charts that show through the Vega-Lite of the notebook's host, in its theme.

    Altair's own way loads it from a content delivery network, and a notebook may have none. What is drawn
    here is the same in Vega-Lite 5, which JupyterLab brings, as in 6, which Altair writes.

    Parameters
    ----------
    kind
        Altair's class.
    words
        What stands where nothing can be drawn.
    """

    class HostDrawn(kind):  # type: ignore[misc]  # a class known at run time
        def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, Any]:
            look = {"background": "transparent", "config": _LOOK, "$schema": _HOST_SCHEMA}
            return {_HOST_MIME: self.to_dict() | look, "text/plain": f"<{words}>"}

    return HostDrawn
