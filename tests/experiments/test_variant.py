"""Variants: a named configuration in a file that git reads line by line."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_widget import ConfigurationError, ProtocolError, Variant

if TYPE_CHECKING:
    from pathlib import Path

CALM = Variant("calm", instructions="You are calm.\n---\nvoice: no field", voice="cedar", speed=0.9)


def test_a_saved_variant_loads_as_it_was(tmp_path: Path) -> None:
    path = CALM.save(tmp_path)
    assert path.name == "calm.md"
    assert path.read_text(encoding="utf-8").startswith('---\nvoice: "cedar"\nspeed: 0.9\n---\nYou are calm.')
    for loaded in (Variant.load("calm", tmp_path), Variant.load(path)):
        assert loaded == CALM
        assert (loaded.name, loaded.hash, loaded.fields) == (CALM.name, CALM.hash, CALM.fields)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_instructions_survive_the_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("variants")
    variant = Variant("any", instructions=text, turn_detection={"type": "semantic_vad"})
    variant.save(folder)
    assert Variant.load("any", folder).fields == variant.fields


def test_the_hash_is_of_the_fields_and_not_of_the_name() -> None:
    assert CALM.replace("quiet").hash == CALM.hash
    assert CALM.replace(speed=1.0).hash != CALM.hash


def test_the_diff_shows_the_lines_that_change() -> None:
    diff = CALM.diff(CALM.replace("brisk", speed=1.2))
    assert "-speed: 0.9" in diff
    assert "+speed: 1.2" in diff
    assert CALM.diff(CALM) == ""


def test_as_python_is_the_call_that_makes_it() -> None:
    call = ast.parse(CALM.as_python(), mode="eval").body
    assert isinstance(call, ast.Call)
    assert [ast.literal_eval(argument) for argument in call.args] == ["calm"]
    assert {word.arg: ast.literal_eval(word.value) for word in call.keywords} == CALM.fields


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "a\\b", "x" * 81, " calm", "calm."])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a variant"):
        Variant(name)


def test_a_field_that_no_session_takes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="instructions"):
        Variant("calm", instruction="Be calm.")
    with pytest.raises(ProtocolError, match="temperature"):
        Variant("calm", temperature=0.7)


def test_a_missing_variant_names_those_there_are(tmp_path: Path) -> None:
    CALM.save(tmp_path)
    with pytest.raises(ConfigurationError, match=r"Variants there: calm\."):
        Variant.load("brisk", tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [("You are calm.", "begins with no fields"), ("---\nvoice: marin\n---\n", "line 2.*as JSON")],
)
def test_a_broken_file_names_the_line_and_the_right_form(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "calm.md"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        Variant.load(path)
