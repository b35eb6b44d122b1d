"""One response: what a brain decides, turned into the events and the sound of the API, in their order."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Protocol

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.context import Context, context_of
from rtc_widget.sandbox.output import Order, Output, Stage
from rtc_widget.sandbox.pieces import breaths, clauses, deltas, json_deltas
from rtc_widget.sandbox.prompt import CallTool, Fail, Prompt, Say, Wait, prompt_of
from rtc_widget.sandbox.punctual import due_s
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, duration_ms, silence
from rtc_widget.sandbox.usage import Ledger, Tokens, spoken_tokens, text_tokens
from rtc_widget.sandbox.voice import speak
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.history import Entry
    from rtc_widget.sandbox.prompt import Action, Brain
    from rtc_widget.sandbox.remotes import Remotes

__all__ = ["Host", "Response"]

_GENERATION_SPEED: Final = 4.0
"""Speech is made so many times faster than it is spoken, about as the real service does it."""
_TEXT_DELTA_S: Final = 0.004
_PAUSE_MS: Final = 200
"""Between two breaths, which are synthesised apart."""
_MOST_TOKENS: Final = 4_096
"""What "inf" comes to: the models of the API give no longer answers."""
_MOST_CHARACTERS: Final = 16 * _MOST_TOKENS
"""More than so many tokens hold: what follows is not looked at."""
_log = logging.getLogger(__name__)


class Host(Stage, Protocol):
    """The session a response belongs to."""

    brain: Brain
    ledger: Ledger
    remotes: Remotes


class _TokensSpent(Exception):
    """`max_output_tokens` is reached, or what a model can say at most."""


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
        self._output = Output(host, self.id, order)
        self._considered: list[Entry] = list(host.history) if order.entries is None else order.entries
        self._context: Context | None = None
        self._spent = Tokens()
        self._usage: Event | None = None
        host.emit("response.created", response=self._object())
        self._task = asyncio.create_task(self._run(), name=self.id)

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
            async with aclosing(self._host.brain.answer(await self._prompt())) as actions:
                async for action in actions:
                    if isinstance(action, Fail):
                        self._fail(action)
                        return
                    await self._act(action)
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

    async def _act(self, action: Action) -> None:
        if isinstance(action, Say):
            await self._say(action)
        elif isinstance(action, CallTool):
            self._output.close("completed")
            await self._call(action)
        elif isinstance(action, Wait):
            await asyncio.sleep(action.seconds)

    async def _prompt(self) -> Prompt:
        everything = list(self._host.history)
        is_conversation = self.order.entries is None
        context = context_of(self._considered, self.order.session, is_conversation=is_conversation)
        self._context = context
        if self.order.listings:
            await asyncio.wait(self.order.listings)
        tools = self._host.remotes.offered(self.order.session["tools"])
        return await prompt_of(self.order.session, context.entries, everything, tools)

    async def _say(self, action: Say) -> None:
        """Say it, clause by clause, its words as deltas ahead of the sound."""
        entry = self._output.message()
        for clause in clauses(action.text.strip()[:_MOST_CHARACTERS]):
            text = f" {clause}" if self._said_something(entry) else clause
            if self.order.has_audio:
                for breath in breaths(text):
                    await self._speak(entry, breath, action)
                continue
            for word in deltas(text):
                self._spend(Tokens(text=text_tokens(word)))
                self._output.write(word)
                await asyncio.sleep(_TEXT_DELTA_S)

    def _said_something(self, entry: Entry) -> bool:
        part = entry.item["content"][0]
        return bool(part.get("transcript") or part.get("text"))

    async def _speak(self, entry: Entry, text: str, action: Say) -> None:
        """Speak a breath, as far as the tokens left allow: what is not made yet can still be cancelled."""
        if self._tokens_left() <= 0:
            raise _TokensSpent
        is_first = not self._said_something(entry)
        text, pcm, cost = await self._voice(entry, text, action)
        is_cut = cost.total > self._tokens_left()
        if is_cut:
            share = max(self._tokens_left(), 0) / cost.total
            text, cost = text[: round(len(text) * share)], cost.share(share)
            pcm = pcm[: int(len(pcm) * share) // 2 * 2]
        length_ms, before = duration_ms(pcm, SPOKEN_RATE_HZ), self._spent
        due_s = await self._due_s(pcm, action) if is_first else None
        pieces = await self._output.sound(entry, pcm, due_s)
        words = deltas(text)
        pause_s = length_ms / 1000 / _GENERATION_SPEED / max(len(words), 1)
        made = sent = 0
        for word in words:
            made += len(word)
            share = made / len(text)
            self._spent = before + cost.share(share)
            entry.say(word, length_ms * len(word) / len(text))
            self._output.write(word)
            await asyncio.sleep(pause_s)
            due = int(len(pieces) * share)
            for piece in pieces[sent:due]:
                self._output.send_sound(entry, piece)
            sent = due
        if is_cut:
            raise _TokensSpent

    async def _voice(self, entry: Entry, text: str, action: Say) -> tuple[str, bytes, Tokens]:
        """Return a breath's words, its sound after what was said before, and what they cost."""
        output = self.order.session["audio"]["output"]
        voice = output["voice"] if isinstance(output["voice"], str) else output["voice"]["id"]
        pcm = await speak(
            text.strip(), voice=voice, language=action.language, speed=output["speed"] * action.speed
        )
        if entry.spoken:
            pcm = silence(_PAUSE_MS, SPOKEN_RATE_HZ) + pcm
        return text, pcm, Tokens(text_tokens(text), spoken_tokens(duration_ms(pcm, SPOKEN_RATE_HZ)))

    async def _due_s(self, pcm: bytes, action: Say) -> float | None:
        """Return when the sound of an answer must begin; None where nobody says, or nobody spoke."""
        if action.after_ms is None or self.order.heard is None:
            return None
        if self._host.mouth.in_events:
            raise ApiError(
                f"An answer {action.after_ms:g} ms after the user's last word needs a call: over a WebSocket "
                "the client plays it when it likes.",
                code="not_in_a_call",
            )
        return await due_s(self.order.heard, pcm, action.after_ms)

    async def _call(self, action: CallTool) -> None:
        """Call a function, or let a server's tool be called: its arguments as deltas."""
        if action.server_label:
            named = {"name": action.name, "server_label": action.server_label}
            entry = self._output.begin("mcp_call", **named, arguments="")
        else:
            call_id = fresh_id("call", 16)
            entry = self._output.begin(
                "function_call", status="in_progress", name=action.name, call_id=call_id, arguments=""
            )
        for piece in json_deltas(action.arguments):
            self._spend(Tokens(text=text_tokens(piece)))
            self._output.write(piece)
            await asyncio.sleep(0)
        self._output.close("completed")
        if action.server_label:
            self._host.remotes.call(entry, self._output.index(entry))

    def _fail(self, failure: Fail, type: str = "server_error") -> None:
        error = {"type": type, "code": failure.code, "message": failure.message}
        self._end("failed", {"type": "failed", "error": error})

    def _end(self, status: str, details: Event | None) -> None:
        if self._status != "in_progress":
            return
        self._output.close("completed" if status == "completed" else "incomplete")
        for entry in self._output.entries:
            self._host.mouth.shorten(entry.id, entry.audio_ms)
        self._status, self._details = status, details
        # Speech that cancels goes on with what was said before a pause; what the client cancels is settled.
        goes_on = (details or {}).get("reason") == "turn_detected"
        if self.order.in_conversation and not goes_on:
            for entry in self._considered:
                entry.is_answered = True
        self._usage = self._host.ledger.bill(self._context, self._spent)
        self._host.emit("response.done", response=self._object())
        self._host.emit("rate_limits.updated", rate_limits=self._host.ledger.rate_limits())
        self._host.mouth.finish(self.id)
        self._on_done(self)

    def _tokens_left(self) -> int:
        limit = self.order.session["max_output_tokens"]
        most: int = _MOST_TOKENS if limit == "inf" else limit
        return most - self._spent.total

    def _spend(self, cost: Tokens) -> None:
        if cost.total > self._tokens_left():
            raise _TokensSpent
        self._spent += cost

    def _object(self) -> Event:
        session = self.order.session
        output = session["audio"]["output"]
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._details,
            "output": self._output.items,
            "conversation_id": self._host.history.conversation_id if self.order.in_conversation else None,
            "output_modalities": session["output_modalities"],
            "max_output_tokens": session["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "usage": self._usage,
            "metadata": self.order.metadata,
        }
