"""Asking the same again: one turn's input, given once more to several variants."""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rtc_widget._errors import ConfigurationError, RtcWidgetError
from rtc_widget.experiments.answers import Answer, Answers
from rtc_widget.experiments.question import question_of, users_of
from rtc_widget.experiments.unattended import refuse_questions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtc_widget._turn import Turn
    from rtc_widget.audio.sound import Sound
    from rtc_widget.conversation import Item, Response
    from rtc_widget.experiments.question import Question
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.session import Session

__all__ = ["On", "ask_again"]

On = Literal["new_calls", "this_call"]
_TAIL_MS = 600.0
_AROUND_MS = 200.0


async def ask_again(
    session: Session,
    turn: Turn,
    variants: Sequence[Variant],
    *,
    repeats: int = 3,
    on: On = "new_calls",
    fields: Mapping[str, Any] | None = None,
    max_sessions: int = 2,
    timeout: float = 60.0,
) -> Answers:
    """Ask one turn of a session again.

    Parameters
    ----------
    session
        Where it was asked.
    turn
        The turn: what was said is spoken again from the recording, what was typed is typed again. Of several
        inputs (an image, then words) the last is asked, and the others are put in before it.
    variants
        Each answers.
    repeats
        How often each answers.
    on
        "new_calls": each answer in a headless call of its own, made with the session's fields and the
        variant's over them; the messages before the turn are put in first, as text (calls of tools are not).
        "this_call": out of band in the call that is up, one after the other; the conversation stays as it is.
    fields
        What a new session is made with, before the variant.
    max_sessions
        How many calls at once.
    timeout
        Of one answer, in s.

    Raises
    ------
    ConfigurationError
        For a turn without input, or with one that cannot be given again: speech that was not recorded, an
        image that the log does not hold, one that was deleted from the call; and nothing to ask with.
    RtcWidgetError
        When there is not one answer: why the first failed.
    """
    if not variants:
        raise ConfigurationError('ask_again() needs variants: rtc.Variant("calm", instructions="…").')
    users = users_of(session, turn)
    place = Path(session.folder or tempfile.mkdtemp(prefix="rtc_widget-")) / "answers" / f"turn-{turn.index}"
    place.mkdir(parents=True, exist_ok=True)
    asking: _Asking
    if on == "this_call":
        asking = _OnThisCall(session, turn, users[-1], place, timeout)
    else:
        question = await asyncio.to_thread(question_of, session, turn)
        asking = _OnNewCalls(session, question, place=place, timeout=timeout, fields=fields or {})
    at_once = asyncio.Semaphore(1 if on == "this_call" else max_sessions)
    failures: list[RtcWidgetError] = []

    async def answer(variant: Variant, repeat: int) -> Answer:
        async with at_once:
            try:
                return await asking.answer(variant, repeat)
            except RtcWidgetError as error:
                failures.append(error)
                return Answer(variant=variant.name, repeat=repeat, error=str(error))

    # Round by round, so that a service that slows down does so to all of them alike.
    grid = [(variant, repeat) for repeat in range(repeats) for variant in variants]
    found = await asyncio.gather(*(answer(variant, repeat) for variant, repeat in grid))
    if failures and len(failures) == len(found):
        raise failures[0]
    names = [variant.name for variant in variants]
    return Answers(
        turn.user_transcript, sorted(found, key=lambda each: (names.index(each.variant), each.repeat))
    )


class _Asking:
    """A way to get one answer."""

    def __init__(self, place: Path) -> None:
        self._place = place

    async def answer(self, variant: Variant, repeat: int) -> Answer:
        raise NotImplementedError

    async def _with_sound(self, answer: Answer, sound: Sound | None) -> Answer:
        """Keep the sound of an answer, and what ears hear in it."""
        if sound is None or not sound.pcm:
            return answer
        from rtc_widget.providers import Sandbox

        stem = re.sub(r"[^\w-]+", "-", answer.variant)
        path = await asyncio.to_thread(_save, sound, self._place, f"{stem}-{answer.repeat}")
        return replace(answer, audio_path=path, recognised=await asyncio.to_thread(Sandbox.recognised, sound))


class _OnNewCalls(_Asking):
    """Each answer in a call of its own."""

    def __init__(
        self,
        session: Session,
        question: Question,
        *,
        place: Path,
        timeout: float,
        fields: Mapping[str, Any],
    ) -> None:
        super().__init__(place)
        self._provider = session.provider
        self._fields = dict(fields)
        self._timeout = timeout
        self._question = question

    async def answer(self, variant: Variant, repeat: int) -> Answer:
        from rtc_widget.headless import HeadlessSession

        session = HeadlessSession(provider=self._provider, directory=None, record=True, **self._fields)
        refuse_questions(session)
        try:
            await session.update(variant)
            await session.connect(microphone="none")
            turn = await self._ask(session)
            await session.hang_up()
            return await self._with_sound(*await asyncio.to_thread(_of_turn, session, turn, variant, repeat))
        finally:
            session.close()

    async def _ask(self, session: Session) -> Turn:
        for role, given in self._question.before:
            if isinstance(given, str):
                await session.add_message(role, given)
            else:
                await session._add_content(given)  # noqa: SLF001 - of this package
        asked = self._question.asked
        if isinstance(asked, list):
            return await session._say_content(asked, self._timeout)  # noqa: SLF001 - of this package
        turn = await session.play(asked, timeout=self._timeout)
        if not turn.response_ids:  # with `create_response` off the service leaves it to us to ask for it
            await session._answer(self._timeout)  # noqa: SLF001 - of this package
        return turn


class _OnThisCall(_Asking):
    """Each answer out of band, in the call that is up."""

    def __init__(self, session: Session, turn: Turn, last: Item, place: Path, timeout: float) -> None:
        super().__init__(place)
        self._session = session
        self._timeout = timeout
        conversation = session.conversation
        ids = [item.item_id for item in conversation.items_with(last)]
        if last.item_id not in ids or conversation.is_past(last):
            raise ConfigurationError(
                f"The input of turn {turn.index} is not in the conversation any more, so this call cannot be "
                'asked it: on="new_calls" can.'
            )
        self._input = ids[: ids.index(last.item_id) + 1]

    async def answer(self, variant: Variant, repeat: int) -> Answer:
        # Two that sound at once would be one stretch of speech, whoever asks for them.
        async with self._session._core.order.line("ask_again"):  # noqa: SLF001 - of this package
            await self._silent("the agent to fall silent")
            return await self._answer(variant, repeat)

    async def _silent(self, what: str) -> None:
        """Wait until nothing is said any more, and the last samples have come."""
        core = self._session._core  # noqa: SLF001 - of this package
        await core.until(
            lambda: core.conversation.active_response is None and core.playback.rest_s(),
            what=what,
            timeout=self._timeout,
        )
        await asyncio.sleep(_TAIL_MS / 1_000)

    async def _answer(self, variant: Variant, repeat: int) -> Answer:
        session = self._session
        response = await session.respond(
            conversation="none",
            input=self._input,
            metadata={"variant": variant.name, "repeat": str(repeat)},
            timeout=self._timeout,
            **variant.fields,
        )
        await self._silent("the answer to be spoken to its end")
        usage = await asyncio.to_thread(lambda: session.usage)
        costs = usage.loc[(usage["response_id"] == response.response_id).fillna(value=False), "cost_usd"]
        answer = Answer(
            variant=variant.name,
            repeat=repeat,
            session_id=session.event_log.session_id,
            response_ids=(response.response_id,),
            status=response.status,
            transcript=response.text,
            latency_inferred_ms=_between(response.t_requested_ms, response.t_first_output_ms),
            cost_usd=None if costs.empty or costs.isna().any() else float(costs.sum()),
        )
        return await self._with_sound(answer, await asyncio.to_thread(self._sound, response))

    def _sound(self, response: Response) -> Sound | None:
        """Cut the answer out of the recording: where it is heard, else where the events say."""
        tracks = self._session.audio
        first_ms, last_ms = response.t_first_audio_ms, response.t_audio_stopped_ms
        if tracks is None or first_ms is None or last_ms is None:
            return None
        segments = self._session.segments
        ours = segments[segments["item_id"].isin(response.output_item_ids).fillna(value=False)]
        if len(ours):
            first_ms, last_ms = float(ours["t_start_ms"].min()), float(ours["t_end_ms"].max())
        return tracks.sound("agent", first_ms - _AROUND_MS, last_ms + _AROUND_MS)


def _of_turn(session: Session, turn: Turn, variant: Variant, repeat: int) -> tuple[Answer, Sound | None]:
    quality = session.turns["heard_quality"].iloc[turn.index]
    answer = Answer(
        variant=variant.name,
        repeat=repeat,
        session_id=session.event_log.session_id,
        response_ids=tuple(turn.response_ids),
        status=turn.status,
        transcript=turn.transcript,
        latency_heard_ms=turn.latency_heard_ms,
        heard_quality=quality if isinstance(quality, str) else None,
        latency_inferred_ms=turn.latency_inferred_ms,
        cost_usd=turn.cost_usd,
    )
    return answer, turn.audio


def _save(sound: Sound, place: Path, stem: str) -> Path:
    """Write a sound under a name that is not taken."""
    path = place / f"{stem}.wav"
    again = 1
    while not _taken(path):
        again += 1
        path = place / f"{stem}-again{again}.wav"
    return sound.save(path)


def _taken(path: Path) -> bool:
    """Take a name; False where another has it."""
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    return True


def _between(start_ms: float | None, end_ms: float | None) -> float | None:
    return None if start_ms is None or end_ms is None else round(end_ms - start_ms, 3)
