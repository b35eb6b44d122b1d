"""Talking: spoken and typed questions get spoken answers, and the turns are rows of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.browser.sandbox import widget_cell
from tests.browser.speech import QUESTIONS, recognise_recording, word_error_rate, write_speech

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab

MOST_WRONG = 0.3  # a lost answer, or a third of a sentence, is more
MOST_MISHEARD = 0.4  # by a small recogniser, of a robot's voice, through the browser's noise suppression
GREETING = "Thank you for your question."  # the recogniser knows it, even with its first 150 ms missing
ANSWERED = """
spoken = recognised = 0
async for event in w.stream(since=0):
    spoken += event["type"] == "output_audio_buffer.stopped"
    recognised += event["type"] == "conversation.item.input_audio_transcription.completed"
    if spoken >= 3 and recognised >= 3:
        break
"""
ROWS = """json.loads(w.turns.to_json(orient="records"))"""


async def check_the_agent_was_heard(lab: Lab, turns: list[dict[str, Any]]) -> None:
    said = " ".join(turn["transcript"] for turn in turns)
    heard = recognise_recording(await lab.agent_audio())
    assert word_error_rate(said, heard) <= MOST_WRONG, f"said: {said}\nheard: {heard}"


def check_the_questions_were_understood(turns: list[dict[str, Any]]) -> None:
    understood = [turn["user_transcript"] for turn in turns]
    assert word_error_rate(" ".join(QUESTIONS), " ".join(understood)) <= MOST_MISHEARD, understood
    assert [turn["transcript"] for turn in turns] == [f"You said: {words}" for words in understood]


@pytest.mark.parametrize("connect", ["from code", "with the button"])
async def test_three_questions_into_the_microphone_are_three_turns(
    open_lab: OpenLab, spoken_questions: Path, connect: str
) -> None:
    async with open_lab(microphone=spoken_questions) as lab:
        await lab.record_agent()
        notebook = await lab.open()
        await notebook.run(widget_cell())
        if connect == "from code":
            await notebook.run("await w.connect()")
        else:
            await notebook.element.get_by_role("button", name="Connect").click()
        await notebook.run(ANSWERED)
        turns = cast("list[dict[str, Any]]", await notebook.value(ROWS))
        assert [turn["turn"] for turn in turns] == [0, 1, 2]
        check_the_questions_were_understood(turns)
        for turn in turns:
            assert turn["status"] == "completed"
            assert not turn["interrupted"]
            assert turn["t_speech_stopped_ms"] < turn["t_committed_ms"] <= turn["t_response_created_ms"]
            assert 0 < turn["latency_inferred_ms"] < 3000
            assert turn["latency_heard_ms"] is None
        await check_the_agent_was_heard(lab, turns)


async def test_three_played_files_are_three_turns(lab: Lab, tmp_path: Path) -> None:
    await lab.record_agent()
    notebook = await lab.open()
    await notebook.run(widget_cell())
    await notebook.run("await w.connect()")
    for number, question in enumerate(QUESTIONS):
        # They end with the last word: the silence that ends the turn is ours to send.
        path = write_speech(tmp_path / f"{number}.wav", question, between_s=0)
        await notebook.run(f"turn = await w.play({str(path)!r})")
        assert await notebook.value("turn.index") == number
        assert await notebook.value("turn.transcript")
    turns = await notebook.value(ROWS)
    check_the_questions_were_understood(turns)
    await check_the_agent_was_heard(lab, turns)


async def test_three_typed_questions_are_three_turns(lab: Lab) -> None:
    await lab.record_agent()
    notebook = await lab.open()
    await notebook.run(widget_cell())
    await notebook.run("await w.connect()")
    for question in QUESTIONS:
        await notebook.run(f"turn = await w.say({question!r})")
        assert await notebook.value("[turn.user_transcript, turn.transcript]") == [
            question,
            f"You said: {question}",
        ]
    turns = await notebook.value(ROWS)
    assert [turn["user_transcript"] for turn in turns] == list(QUESTIONS)
    await check_the_agent_was_heard(lab, turns)


async def test_only_the_instructions_change_and_so_does_what_is_said_and_heard(
    lab: Lab, tmp_path: Path
) -> None:
    path = write_speech(tmp_path / "question.wav", QUESTIONS[1])
    await lab.record_agent()
    notebook = await lab.open()
    await notebook.run(widget_cell(instructions="You are a helpful voice."))
    await notebook.run("await w.connect()")
    await notebook.run(f"before = await w.play({str(path)!r})")
    await notebook.run(f"""await w.update(instructions='Begin with "{GREETING}"')""")
    await notebook.run(f"after = await w.play({str(path)!r})")
    before, after = await notebook.value("[before.transcript, after.transcript]")
    assert before.startswith("You said")
    assert after.startswith(GREETING)
    heard = recognise_recording(await lab.agent_audio())
    assert word_error_rate(f"{before} {after}", heard) <= MOST_WRONG, f"{before} {after}\n{heard}"
    assert heard.lower().count(GREETING.lower().rstrip(".")) == 1
    assert await notebook.value("w.config.cause.tolist()") == ["connect", "update"]
