"""What asking again brings is a frame, and more: answers that play, side by side."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.audio import Sound
from rtc_widget.experiments.answers import Answer, Answers

if TYPE_CHECKING:
    from pathlib import Path


IN_PLACE: Any = {"inplace": True}


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    Sound(bytes(2 * 2400), 24_000).save(tmp_path / "a.wav")
    return Answers(
        "What is it?",
        [
            Answer(variant="calm", repeat=0, transcript="A <tea>.", audio_path=tmp_path / "a.wav"),
            Answer(variant="calm", repeat=1, transcript="Tea.", latency_heard_ms=500.0),
            Answer(variant="brisk", repeat=0, error="too late"),
        ],
    )


def test_answers_are_a_frame_with_a_row_an_answer(answers: Answers) -> None:
    assert isinstance(answers, pd.DataFrame)
    assert len(answers) == 3
    assert {"variant", "repeat", "transcript", "cost_usd", "audio_path"} <= set(answers)
    assert "transcript" in answers
    assert answers.groupby("variant", observed=True).size().to_dict() == {"calm": 2, "brisk": 1}
    assert len(pd.concat([answers, answers.frame])) == 6
    assert answers.frame.equals(pd.DataFrame(answers))
    assert "object" not in set(map(str, answers.dtypes))
    assert "Tea." in answers.to_string()


def test_what_is_made_of_answers_is_a_plain_frame(answers: Answers) -> None:
    for made in (answers[answers["error"].isna()], answers.head(1), answers.assign(n=1), answers.copy()):
        assert type(made) is pd.DataFrame


def test_a_whole_number_gives_an_answer_and_audio_the_sounds(answers: Answers) -> None:
    assert [answers[place].transcript for place in (0, 1, -2)] == ["A <tea>.", "Tea.", "Tea."]
    third: Any = np.int64(2)
    assert answers[third].error == "too late"
    with pytest.raises(IndexError):
        answers[3]
    sounds = answers["audio"]
    assert [sound is None for sound in sounds] == [False, True, True]
    assert answers.audio[0].seconds == answers[0].audio.seconds == pytest.approx(0.1)  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_answers_that_are_changed_in_place_stay_with_their_rows(answers: Answers) -> None:
    said = [answer.transcript for answer in answers.each]
    answers.sort_values("latency_heard_ms", **IN_PLACE, ignore_index=True)
    assert [answer.transcript for answer in answers.each] == [said[1], said[0], said[2]]
    answers.drop(index=0, **IN_PLACE)
    assert answers[0].transcript == answers.frame["transcript"].iloc[0] == said[0]
    assert [sound is None for sound in answers["audio"]] == [False, True]
    answers.drop(columns="cost_usd", **IN_PLACE)
    answers["variant"] = "both"
    assert answers[1].variant == "brisk"
    with pytest.raises(rtc.ConfigurationError, match=r"known by its variant.*answers\.frame"):
        answers.sort_index(**IN_PLACE, ascending=False)
    assert answers[0].transcript == answers["transcript"].iloc[0]
    answers.drop(columns="variant", **IN_PLACE)
    assert len(answers.each) == len(answers) == 2


def test_answers_show_side_by_side_and_print_as_a_frame(answers: Answers) -> None:
    assert answers._repr_html_().count("<audio") == 1
    assert "A &lt;tea&gt;." in answers._repr_html_()
    title, *table = repr(answers).splitlines()
    assert title == "<Answers to 'What is it?': 3 of calm, brisk>"
    assert len(table) >= 4


def test_answers_are_copied_and_pickled_whole(answers: Answers) -> None:
    for again in (copy.copy(answers), pickle.loads(pickle.dumps(answers))):  # noqa: S301 - our own
        assert type(again) is Answers
        assert (again.question, again.each) == (answers.question, answers.each)
        assert again.equals(answers)
