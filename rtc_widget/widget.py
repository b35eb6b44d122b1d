"""RealtimeWidget: one object in a cell is a live voice call; a Session over the browser transport."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from rtc_widget._arguments import is_whole
from rtc_widget._cost import Cost
from rtc_widget._errors import ConfigurationError, RtcWidgetError
from rtc_widget._loop import submit
from rtc_widget._panel import Panel
from rtc_widget._static import Static
from rtc_widget.log.clocks import kernel_ms
from rtc_widget.session import Session
from rtc_widget.transports.base import is_loopback
from rtc_widget.transports.browser import Browser
from rtc_widget.transports.page_requests import Host

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Future

    from rtc_widget._loop import Handle
    from rtc_widget._panel import Handler
    from rtc_widget.audio.calibration import Calibration
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.log.folders import OpenLog
    from rtc_widget.log.record import Record
    from rtc_widget.providers import Provider
    from rtc_widget.transports import messages
    from rtc_widget.transports.base import CallRequest

__all__ = ["RealtimeWidget"]

_TURNS = (5, 30)
_GAPS_MS = (400.0, 1_500.0)
_PAUSE_MS = 500.0
_SHOWN = frozenset({"rtc.calibration", "rtc.config", "rtc.session"})


class _WidgetHost(Host):
    """What the browser transport sees of the widget."""

    def __init__(self, widget: RealtimeWidget) -> None:
        self._widget = widget
        self._panel = Panel(widget)

    def call_request(self) -> CallRequest:
        return self._widget._call_request()  # noqa: SLF001 - one object in two parts

    def panel_config(self) -> messages.PanelConfig:
        return self._widget._panel_config()  # noqa: SLF001 - one object in two parts

    def take_text(self, text: str) -> None:
        self._widget.say(text)

    def handler(self, method: str) -> Handler | None:
        return self._panel.handler(method)


class RealtimeWidget(Session, anywidget.AnyWidget):
    """A live voice call in a cell, and all that passed in it as data.

    Parameters
    ----------
    provider
        Where calls are made; None takes OpenAI where `OPENAI_API_KEY` is set, else the sandbox.
    signaling
        "ephemeral": the browser posts its offer with a client secret. "kernel": the kernel posts it with the
        standard key, and no key reaches the browser.
    sideband
        Whether events and tools go on while a cell blocks the kernel, over a second connection; needs
        `signaling="kernel"` and `[sideband]`.
    directory
        Where the session gets a folder of its own for its journal; None keeps it in memory only. `rtc.resume`
        gives the log of one that goes on.
    record
        Whether both sides are recorded, into that folder or a temporary file; needs `[audio]`.
    variant
        A variant to begin with; `fields` come over it, and the session is not that variant any more, but for
        tools that it does not name.
    fields
        Fields of the session, flat or nested: instructions, voice, model, turn_detection, transcription, …

    Attributes
    ----------
    status : str
        idle, microphone, connecting, live, failed or ended. Observe it, link it; never set it.
    muted : bool
        Whether the microphone is silenced.
    latency_heard_ms : float or None
        Of the last turn, measured on the recording, in ms.

    Raises
    ------
    ConfigurationError
        For an unknown keyword, a value that no session takes, or nothing to talk to.
    """

    status = traitlets.Unicode("idle", read_only=True).tag(sync=True)
    muted = traitlets.Bool(False, read_only=True).tag(sync=True)
    latency_heard_ms = traitlets.Float(None, allow_none=True, read_only=True).tag(sync=True)

    _esm = Static("widget.js")
    _css = Static("widget.css")

    def __init__(
        self,
        *,
        provider: Provider | None = None,
        signaling: str = "ephemeral",
        sideband: bool = False,
        directory: str | os.PathLike[str] | OpenLog | None = "rtc_sessions",
        record: bool = False,
        variant: Variant | None = None,
        **fields: Any,
    ) -> None:
        Session.__init__(
            self,
            provider=provider,
            signaling=signaling,
            sideband=sideband,
            directory=directory,
            record=record,
            variant=variant,
            **fields,
        )
        if self._paths is not None:
            paths = self._paths
            self._browser.is_told_otherwise = lambda: paths.sideband.is_open
        self._core.watchers.append(self._show)
        self._cost = Cost(self._core, self._browser.push_config)
        anywidget.AnyWidget.__init__(self)
        self.set_trait("status", self._core.status)
        self._keeper.on_heard = self._show_latency
        self._preparing: Future[None] | None = None
        self.on_msg(self._take_message)

    def _make_transport(self) -> Browser:
        self._browser = Browser(self._core.log, _WidgetHost(self), self._post, recorder=self._recorder)
        return self._browser

    def _post(self, message: messages.Message, buffers: Sequence[bytes] | None) -> None:
        if self.comm is not None:
            self.send(message, list(buffers) if buffers else None)

    def _take_message(self, _widget: object, content: object, buffers: object) -> None:
        self._browser.receive(content, buffers if isinstance(buffers, list) else ())
        if self._preparing is None:
            self._preparing = submit(self._prepare())

    async def _prepare(self) -> None:
        """Be ready when somebody has found the button: a sandbox takes seconds to start."""
        with contextlib.suppress(RtcWidgetError):  # a call tells what is wrong
            await self._provider.ready()

    async def _update(
        self, changes: dict[str, Any], timeout: float, variant: Variant | None = None
    ) -> dict[str, Any]:
        updated = await super()._update(changes, timeout, variant)
        self._browser.push_config()
        return updated

    def _forbid_result(self) -> str | None:
        if threading.current_thread() is threading.main_thread():
            return "result() would block the kernel that has to deliver the answer: write `await …` instead."
        return None

    def calibrate(self, *, turns: int = 10) -> Handle[Calibration]:
        """Measure what this browser adds to a latency, and take it off `latency_heard_ms` from now on.

        The page sends itself turns of a known latency through a connection of its own, and records them as
        it records a call; nobody hears it. The browser remembers what was found.

        Parameters
        ----------
        turns
            How many, from 5 to 30; each takes about 2 s.

        Returns
        -------
        Handle
            Of the Calibration: the constant in ms, and how far the turns were from it.

        Raises
        ------
        ConfigurationError
            For another number of turns, without `[audio]`, or when too few turns were heard well enough.
        ConnectionFailed
            When awaited: no page shows this widget, or it lets no sound play before somebody clicks in it.
        """
        low, high = _TURNS
        if not is_whole(turns) or not low <= turns <= high:
            raise ConfigurationError(f"turns is a whole number from {low} to {high}, not {turns!r}.")
        if find_spec("numpy") is None:
            raise ConfigurationError("calibrate() needs numpy: run `pip install 'rtc_widget[audio]'`.")
        return self._start("calibrate", self._calibrate(int(turns)))

    async def _calibrate(self, turns: int) -> Calibration:
        from rtc_widget.audio.calibration import RATE_HZ, Loopback, calibrate, signal

        played = signal()
        low, high = _GAPS_MS
        gaps_ms = [low + (high - low) * turn / (turns - 1) for turn in range(turns)]
        pcm = played.tobytes()
        reply = await self._browser.loopback(pcm, pcm, RATE_HZ, gaps_ms, pause_ms=_PAUSE_MS)
        loopback = Loopback.of(reply, gaps_ms, len(played) * 1_000 / RATE_HZ)
        found = await asyncio.to_thread(calibrate, loopback, played)
        kept = {name: value for name, value in vars(found).items() if value is not None}
        await self._browser.keep_calibration(kept)
        if len(self._core.log):
            self._core.log.note("rtc.calibration", **kept)
        return found

    def _show_latency(self, latency_heard_ms: float | None) -> None:
        self.set_trait("latency_heard_ms", latency_heard_ms)
        self._browser.push_config()  # pages ask anew what was heard of the turns

    def _show(self, record: Record) -> None:
        """Keep the traits in step with the log."""
        if record.direction == "local" and record.type == "rtc.state":
            self.set_trait("status", self._core.status)
        elif record.direction == "local" and record.type == "rtc.mute":
            self.set_trait("muted", bool(record.event.get("muted")))
        elif record.direction == "local" and record.type in _SHOWN:
            self._browser.push_config()

    def _panel_config(self) -> messages.PanelConfig:
        configuration, log = self._configuration, self._core.log
        voice = configuration.field("voice")
        return {
            "provider": self._provider.name,
            "sandbox": self._provider.is_sandbox,
            "model": str(configuration.field("model")),
            "voice": str(voice.get("id") if isinstance(voice, dict) else voice),
            "signaling": self._signaling,
            "microphone": "auto",
            "prompt_version": configuration.version,
            "variant": configuration.variant,
            "transcription": configuration.field("transcription") is not None,
            "answers": True,
            "calls_url": self._provider.calls_url,
            "loopback": is_loopback(self._provider.base_url),
            "record": self._recorder is not None,
            "cost_usd": self._cost.usd,
            "elapsed_ms": log.t_ms_of(kernel_ms()) if len(log) else None,
            "replay": None,
        }

    def _leave(self) -> Future[None] | None:
        """Leave the call to its page, which outlives the kernel; only a closing under way is waited for."""
        return self._closing

    def close(self) -> None:  # type: ignore[override]  # ipywidgets' own returns nothing
        """Hang up, close the log and the widget; safe to call twice."""
        if self.comm is not None:
            self._browser.let_go("the widget was closed")
            Session.close(self)
        anywidget.AnyWidget.close(self)
