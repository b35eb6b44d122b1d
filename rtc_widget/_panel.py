"""What the panel asks of its session: the log, the Prompt tab's requests, decisions on tools that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._errors import ConfigurationError, ProtocolError
from rtc_widget._panel_asking import PanelAsking
from rtc_widget._panel_sound import PanelSound
from rtc_widget._static import read_static
from rtc_widget.log import pages
from rtc_widget.log.masking import masked_copy

if TYPE_CHECKING:
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.session import Session

__all__ = ["Panel", "module"]

_FOLDER = Path("variants")
_LATER = ("loopback", "waves")
_OF_THE_SERVICE = frozenset({"client_secret", "expires_at", "id", "object", "type"})
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Panel:
    """Answers the panel's requests with the session's own commands.

    Bytes that come with a request are its param `buffers`; those of an answer are its `buffers`.

    Parameters
    ----------
    session
        Whose panel it is.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sound = PanelSound(session._core, self._flush)  # noqa: SLF001 - the panel is a part of the session
        self._asking = PanelAsking(session)
        self._handlers: dict[str, Handler] = {
            "add_image": self._add_image,
            "approve": self._approve,
            "as_python": self._as_python,
            "ask_again": self._asking.ask_again,
            "find": self._find,
            "keep": self._keep,
            "module": module,
            "play": self._play,
            "session": self._show_session,
            "sound": self._hear,
            "timeline": self._sound.timeline,
            "turns": self._sound.turns,
            "update": self._update,
            "variants": self._variants,
        }

    def handler(self, method: str) -> Handler | None:
        """Return what answers a request; None for one that is not of the panel."""
        return self._handlers.get(method)

    # -- the log ----------------------------------------------------------------------------------

    async def _find(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the numbers of the records whose text holds {"query"}, whatever the case."""
        query = str(params.get("query") or "")
        return {"seqs": await asyncio.to_thread(pages.find, self._session.event_log, query)}

    async def _hear(self, params: dict[str, Any]) -> dict[str, Any]:
        return await (self._asking if "answer" in params else self._sound).sound(params)

    def _flush(self) -> None:
        recorder = self._session._core.recorder  # noqa: SLF001 - the panel is a part of the session
        if recorder is not None:
            recorder.flush()

    # -- given to the agent -----------------------------------------------------------------------

    async def _add_image(self, params: dict[str, Any]) -> dict[str, Any]:
        """Add a picture (its bytes are the buffer), with {"text"}; with {"respond"} ask for an answer too."""
        (picture_bytes,) = params["buffers"]
        await self._session.add_image(picture_bytes, text=str(params.get("text") or "") or None)
        if params.get("respond"):
            await self._session.respond()
        return {}

    async def _play(self, params: dict[str, Any]) -> dict[str, Any]:
        """Play a sound file (its bytes are the buffer), called {"what"}, in place of the microphone."""
        from rtc_widget.audio import load_sound

        (sound_bytes,) = params["buffers"]
        sound = await asyncio.to_thread(load_sound, sound_bytes)
        await self._session._play_named(sound, str(params.get("what") or "sound"))  # noqa: SLF001 - a part of it
        return {}

    # -- the Prompt tab ---------------------------------------------------------------------------

    async def _show_session(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Return the session as it is asked for and as it is, and its fields by their flat keywords."""
        configuration = self._session.configuration
        return {
            "effective": self._session.conversation.session,
            "requested": masked_copy(configuration.requested),
            "fields": _flat(self._now()),
            "version": configuration.version,
            "variant": configuration.variant,
            "choices": {
                "model": list(protocol.MODELS),
                "transcription": list(protocol.TRANSCRIPTION_MODELS),
                "voice": list(protocol.VOICES),
            },
        }

    def _now(self) -> dict[str, Any]:
        now = self._session.configuration.now
        return masked_copy({name: value for name, value in now.items() if name not in _OF_THE_SERVICE})

    async def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        """Change fields (flat or nested), or take a variant over: {"variant": name}."""
        fields = dict(params.get("fields") or {})
        variant = await asyncio.to_thread(_load, str(params["variant"])) if params.get("variant") else None
        await self._session.update(variant, **fields)
        return {}

    async def _variants(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Describe every variant there is a file of, and what it would change."""
        return {"variants": await asyncio.to_thread(_all_variants, self._now())}

    async def _keep(self, params: dict[str, Any]) -> dict[str, Any]:
        """Save a variant and take it over: of {"fields"}, else of the session as it is, with {"edits"}."""
        from rtc_widget.experiments.variant import Variant

        fields = params.get("fields")
        if not isinstance(fields, dict):
            fields = {**self._own(), **(params.get("edits") or {})}
        rest = self._without_functions(fields)
        # Where it names tools it names all of them: none would be left of those that it does not.
        variant = Variant(str(params.get("name") or ""), **(fields if "tools" in rest else rest))
        path = await asyncio.to_thread(variant.save)
        await self._session.update(variant)
        return {"path": str(path), "variant": _described(variant)}

    async def _as_python(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"code": as_python(masked_copy(self._without_functions(self._own())))}

    async def _approve(self, params: dict[str, Any]) -> dict[str, Any]:
        tool_call_id, reason = str(params.get("tool_call_id")), params.get("reason")
        if params.get("approve"):
            self._session.approve(tool_call_id)
        else:
            self._session.reject(tool_call_id, str(reason) if reason else None)
        return {}

    def _own(self) -> dict[str, Any]:
        """Return what differs from a session made without a word, by the flat keywords."""
        return own_fields(self._session.configuration.requested)

    def _without_functions(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave out the tools that are functions of this session: it has them whatever its prompt is."""
        ours = self._session._tools  # noqa: SLF001 - the panel is a part of the session
        others = [tool for tool in fields.get("tools") or () if tool.get("name") not in ours]
        rest = {name: value for name, value in fields.items() if name != "tools"}
        return {**rest, "tools": others} if others else rest


async def module(params: dict[str, Any]) -> dict[str, Any]:
    """Return the code of a part of the page that is loaded when it is needed first."""
    if params.get("name") not in _LATER:
        raise ConfigurationError(f"The panel has no part {params.get('name')!r}.")
    return {"code": await asyncio.to_thread(read_static, f"{params['name']}.js")}


def own_fields(session: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a session that differ from the default one, flat where there is a flat keyword."""
    flat = _flat(session)
    usual = _flat(protocol.default_session())
    return {name: value for name, value in flat.items() if name not in usual or usual[name] != value}


def _flat(session: dict[str, Any]) -> dict[str, Any]:
    found = {
        name: value for name, value in session.items() if name not in _OF_THE_SERVICE and name != "audio"
    }
    for name, place in protocol.SESSION_PLACES.items():
        value: Any = session
        for step in place:
            if not isinstance(value, dict) or step not in value:
                break
            value = value[step]
        else:
            found[name] = value
    return found


def as_python(fields: dict[str, Any]) -> str:
    """Return the code that makes a widget with these fields."""
    lines = [f"    {name}={value!r},\n" for name, value in fields.items()]
    call = f"rtc.RealtimeWidget(\n{''.join(lines)})" if lines else "rtc.RealtimeWidget()"
    return f"import rtc_widget as rtc\n\nw = {call}\nw\n"


def _load(name: str) -> Variant:
    from rtc_widget.experiments.variant import Variant

    return Variant.load(name)


def _all_variants(now: dict[str, Any]) -> list[dict[str, Any]]:
    """Describe every variant there is a file of; one that cannot be read says why."""
    from rtc_widget.experiments.variant_diff import compare

    found = []
    for path in sorted(_FOLDER.glob("*.md")):
        try:
            variant = _load(path.stem)
            after = protocol.merge_session(now, protocol.session_fields(**variant.fields))
            changes = compare("now", _flat(now), variant.label, _flat(after))
            found.append(_described(variant) | {"changes": list(changes.lines), "code": variant.as_python()})
        except (ConfigurationError, OSError, ProtocolError, ValueError) as error:
            found.append({"name": path.stem, "error": str(error)})
    return found


def _described(variant: Variant) -> dict[str, Any]:
    fields = dict(variant.fields)
    instructions = fields.pop("instructions", None)
    return {"name": variant.name, "hash": variant.hash, "fields": fields, "instructions": instructions}
