"""One response: what a brain decides, turned into the events and the sound of the API, in their order."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.history import Entry
from rtc_widget.sandbox.pieces import clauses, deltas, json_deltas
from rtc_widget.sandbox.prompt import CallTool, Fail, Prompt, Say, Wait, prompt_of
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, duration_ms, silence
from rtc_widget.sandbox.usage import Ledger, Tokens, context, spoken_tokens, text_tokens
from rtc_widget.sandbox.voice import speak
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id, obfuscation

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.history import History
    from rtc_widget.sandbox.mouth import Mouth
    from rtc_widget.sandbox.prompt import Brain

__all__ = ["Host", "Order", "Response"]

_GENERATION_SPEED: Final = 4.0
"""Speech is made so many times faster than it is spoken, about as the real service does it."""
_TEXT_DELTA_S: Final = 0.004
_PAUSE_MS: Final = 200
"""Between two clauses, which are synthesised apart."""
_log = logging.getLogger(__name__)


class Host(Protocol):
    """The session a response belongs to."""

    history: History
    mouth: Mouth
    brain: Brain
    ledger: Ledger

    def emit(self, type: str, **fields: Any) -> None:
        """Send a server event."""


@dataclass(frozen=True)
class Order:
    """What a response was asked to be.

    Attributes
    ----------
    session
        The effective configuration, with the response's own fields in it.
    metadata
        As given.
    in_conversation
        Whether its items join the default conversation.
    entries
        Its own input; None: the conversation.
    """

    session: Event
    metadata: Event | None = None
    in_conversation: bool = True
    entries: list[Entry] | None = None


class _TokensSpent(Exception):
    """`max_output_tokens` is reached."""


class Response:
    """One response of a session, from `response.created` to `response.done`.

    Parameters
    ----------
    host
        Its session.
    order
        What was asked for.
    on_done
        Called with it after `response.done`.
    """

    def __init__(self, host: Host, order: Order, on_done: Callable[[Response], None]) -> None:
        self.id = fresh_id("resp")
        self.order = order
        self._host = host
        self._on_done = on_done
        self._status = "in_progress"
        self._details: Event | None = None
        self._output: list[Entry] = []
        self._open: Entry | None = None
        self._previous: str | None = None
        self._considered: list[Entry] = []
        self._inputs = Tokens()
        self._spent = Tokens()
        self._usage: Event | None = None
        self._emit("response.created", response=self._object())
        self._task = asyncio.create_task(self._run(), name=self.id)

    @property
    def has_audio(self) -> bool:
        """Whether it speaks."""
        return bool(self.order.session["output_modalities"] == ["audio"])

    def cancel(self, reason: str) -> None:
        """End it as cancelled: "turn_detected" or "client_cancelled"."""
        if self._status == "in_progress":
            self._task.cancel()
            self._end("cancelled", {"type": "cancelled", "reason": reason})

    def drop(self) -> None:
        """End it without a word: the session is over."""
        self._status = "dropped"
        self._task.cancel()

    async def _run(self) -> None:
        try:
            async for action in self._host.brain.answer(await self._prompt()):
                if isinstance(action, Say):
                    await self._say(action)
                elif isinstance(action, CallTool):
                    self._close("completed")
                    await self._call(action)
                elif isinstance(action, Wait):
                    await asyncio.sleep(action.seconds)
                else:
                    self._fail(action)
                    return
            self._end("completed", None)
        except _TokensSpent:
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
        except ApiError as error:
            self._fail(Fail(error.code or error.type, str(error)), error.type)
        except ConfigurationError as error:
            self._fail(Fail("sandbox_incomplete", str(error)))
        except Exception:  # noqa: BLE001 - whatever it is, the response ends
            _log.exception("a response failed")
            self._fail(Fail("server_error", "The sandbox failed: its log says more."))

    async def _prompt(self) -> Prompt:
        everything = list(self._host.history)
        self._considered = everything if self.order.entries is None else self.order.entries
        entries, self._inputs = context(self._considered, self.order.session)
        return await prompt_of(self.order.session, entries, everything)

    async def _say(self, action: Say) -> None:
        """Say it, clause by clause, its words as deltas ahead of the sound."""
        entry = self._open or self._begin_message()
        part = entry.item["content"][0]
        key = "transcript" if self.has_audio else "text"
        for clause in clauses(action.text):
            text = f" {clause}" if part[key] else clause
            pause, is_cut = _TEXT_DELTA_S, False
            if self.has_audio:
                text, seconds, is_cut = await self._voice(entry, text, action)
                pause = seconds / _GENERATION_SPEED / max(len(deltas(text)), 1)
            for word in deltas(text):
                if not self.has_audio:
                    self._spend(Tokens(text=text_tokens(word)))
                part[key] += word
                self._delta("output_audio_transcript" if self.has_audio else "output_text", entry, word)
                await asyncio.sleep(pause)
            if is_cut:
                raise _TokensSpent

    async def _voice(self, entry: Entry, text: str, action: Say) -> tuple[str, float, bool]:
        """Queue the sound of a clause; return what the tokens left allow, its seconds, and if it was cut."""
        output = self.order.session["audio"]["output"]
        voice = output["voice"] if isinstance(output["voice"], str) else output["voice"]["id"]
        pcm = await speak(
            text.strip(), voice=voice, language=action.language, speed=output["speed"] * action.speed
        )
        if entry.spoken:
            pcm = silence(_PAUSE_MS, SPOKEN_RATE_HZ) + pcm
        cost = Tokens(text_tokens(text), spoken_tokens(duration_ms(pcm, SPOKEN_RATE_HZ)))
        share = min(max(self._tokens_left(), 0) / max(cost.total, 1), 1.0)
        text = text[: round(len(text) * share)]
        pcm = pcm[: int(len(pcm) * share) // 2 * 2]
        length_ms = duration_ms(pcm, SPOKEN_RATE_HZ)
        self._spent += Tokens(round(cost.text * share), round(cost.audio * share))
        entry.say(text, length_ms)
        self._host.mouth.say(self.id, entry.id, pcm)
        return text, length_ms / 1000, share < 1.0

    async def _call(self, action: CallTool) -> None:
        """Call a function: its arguments as deltas."""
        entry = self._begin(
            {
                "id": fresh_id("item"),
                "type": "function_call",
                "status": "in_progress",
                "name": action.name,
                "call_id": fresh_id("call", 16),
                "arguments": "",
            }
        )
        for piece in json_deltas(action.arguments):
            self._spend(Tokens(text=text_tokens(piece)))
            entry.item["arguments"] += piece
            self._delta("function_call_arguments", entry, piece, call_id=entry.item["call_id"])
            await asyncio.sleep(0)
        self._close("completed")

    def _begin_message(self) -> Entry:
        message: Event = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
        entry = self._begin({"id": fresh_id("item"), **message})
        if self.has_audio:
            entry.item["content"] = [{"type": "output_audio", "transcript": ""}]
            part = {"type": "audio", "transcript": ""}
        else:
            entry.item["content"] = [{"type": "output_text", "text": ""}]
            part = {"type": "text", "text": ""}
        self._emit("response.content_part.added", **self._place(entry, content=True), part=part)
        return entry

    def _begin(self, item: Event) -> Entry:
        entry = Entry(item)
        self._output.append(entry)
        self._open = entry
        self._emit("response.output_item.added", output_index=len(self._output) - 1, item=item)
        if self.order.in_conversation:
            self._previous = self._host.history.add(entry)
            self._host.emit("conversation.item.added", previous_item_id=self._previous, item=item)
        return entry

    def _close(self, status: str) -> None:
        """End the open item."""
        entry, self._open = self._open, None
        if entry is None:
            return
        item = entry.item
        item["status"] = status
        previous = None
        if item["type"] == "function_call":
            extra = {key: item[key] for key in ("call_id", "name", "arguments")}
            self._emit("response.function_call_arguments.done", **self._place(entry), **extra)
        else:
            place = self._place(entry, content=True)
            if self.has_audio:
                said = {"transcript": item["content"][0]["transcript"]}
                self._emit("response.output_audio.done", **place)
                self._emit("response.output_audio_transcript.done", **place, **said)
                part = {"type": "audio", **said}
            else:
                said = {"text": item["content"][0]["text"]}
                self._emit("response.output_text.done", **place, **said)
                part = {"type": "text", **said}
                previous = self._previous
            self._emit("response.content_part.done", **place, part=part)
        if self.order.in_conversation:
            self._host.emit("conversation.item.done", previous_item_id=previous, item=item)
        self._emit("response.output_item.done", output_index=self._output.index(entry), item=item)

    def _fail(self, failure: Fail, type: str = "server_error") -> None:
        error = {"type": type, "code": failure.code, "message": failure.message}
        self._end("failed", {"type": "failed", "error": error})

    def _end(self, status: str, details: Event | None) -> None:
        if self._status != "in_progress":
            return
        self._close("completed" if status == "completed" else "incomplete")
        self._status, self._details = status, details
        if status != "cancelled" and self.order.in_conversation:
            for entry in self._considered:
                entry.is_answered = True
        self._usage = self._host.ledger.bill(self._inputs, self._spent)
        self._emit("response.done", response=self._object())
        self._host.emit("rate_limits.updated", rate_limits=self._host.ledger.rate_limits())
        self._host.mouth.finish(self.id)
        self._on_done(self)

    def _tokens_left(self) -> float:
        limit = self.order.session["max_output_tokens"]
        return float("inf") if limit == "inf" else limit - self._spent.total

    def _spend(self, cost: Tokens) -> None:
        if cost.total > self._tokens_left():
            raise _TokensSpent
        self._spent += cost

    def _delta(self, kind: str, entry: Entry, delta: str, **fields: Any) -> None:
        place = self._place(entry, content=kind != "function_call_arguments")
        self._emit(f"response.{kind}.delta", **place, **fields, delta=delta, obfuscation=obfuscation(delta))

    def _place(self, entry: Entry, *, content: bool = False) -> Event:
        place: Event = {"item_id": entry.id, "output_index": self._output.index(entry)}
        return place | {"content_index": 0} if content else place

    def _emit(self, type: str, **fields: Any) -> None:
        if type in ("response.created", "response.done"):
            self._host.emit(type, **fields)
        else:
            self._host.emit(type, response_id=self.id, **fields)

    def _object(self) -> Event:
        session = self.order.session
        output = session["audio"]["output"]
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._details,
            "output": [entry.item for entry in self._output],
            "conversation_id": self._host.history.conversation_id if self.order.in_conversation else None,
            "output_modalities": session["output_modalities"],
            "max_output_tokens": session["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "usage": self._usage,
            "metadata": self.order.metadata,
        }
