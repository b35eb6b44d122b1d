"""Word errors: what counts as a word, and where there is nothing to count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unicodedata import normalize

import pytest

import rtc_widget as rtc
from rtc_widget.audio import Sound

SILENCE = Sound(bytes(4800), 24_000)


def rate(spoken: str, *heard: str | None) -> float | None:
    turns: list[Any] = [
        SimpleNamespace(user_transcript=words or "", is_transcribed=words is not None) for words in heard
    ]
    return rtc.word_error_rate(rtc.Play(SILENCE, text=spoken), turns)


@pytest.mark.parametrize(
    ("spoken", "heard"),
    [
        ("A flat white, please.", "a flat white please"),
        ("Say 'yes' please.", "Say yes please."),
        ("It’s the dogs' bowl.", "It's the dogs bowl"),
        ("Un café", normalize("NFD", "un café")),
        ("Straße", "STRASSE"),
        ("re\u00adcord", "record"),
        ("कितने बजे हैं?", "कितने बजे हैं"),
        ("１２３番", "123番"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("コーヒーを、ください。", "コーヒーを ください"),
        ("中文 ok", "中文OK"),
    ],
)
def test_case_punctuation_and_how_it_is_written_make_no_error(spoken: str, heard: str) -> None:
    assert rate(spoken, heard) == 0.0


@pytest.mark.parametrize(
    ("spoken", "heard", "errors"),
    [
        ("one two three four", "one too three", 2 / 4),
        ("it's", "its", 1.0),
        ("कि", "की", 1.0),
        ("one", "one more", 1.0),
        ("今何時ですか", "今何時ですよ", 1 / 6),
        ("我想要一杯茶", "我要一杯茶", 1 / 6),
        ("ขอชาร้อน", "ขอชาเย็น", 3 / 8),
        ("차 한 잔", "차 두 잔", 1 / 3),
    ],
)
def test_words_that_differ_are_counted(spoken: str, heard: str, errors: float) -> None:
    assert rate(spoken, heard) == pytest.approx(errors)


def test_a_pause_that_splits_what_is_said_costs_nothing() -> None:
    assert rate("one two three", "One two.", "Three.") == 0.0
    assert rate("one two three", "One two.", None) == pytest.approx(1 / 3)


def test_what_nobody_wrote_down_is_not_misheard_but_missing() -> None:
    assert rate("one two", None) is None
    assert rate("one two", "") == 1.0
    assert rate("one two") == 1.0
    assert rtc.word_error_rate(rtc.Say("one two"), []) is None
