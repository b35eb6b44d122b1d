"""Text is cut into what can be spoken in one go, and nothing of it is lost."""

from __future__ import annotations

import pytest

from rtc_widget.sandbox.pieces import breaths, clauses

LONGEST = 200


@pytest.mark.parametrize(
    "clause",
    ["word " * 4_000, "z" * 100_000, " word", "a\nb  c " * 300, f" {'x' * 500} and {'y' * 500} end"],
)
def test_a_clause_without_marks_is_spoken_in_short_pieces_that_join_to_the_same(clause: str) -> None:
    pieces = breaths(clause)
    assert "".join(pieces) == clause
    assert max(map(len, pieces)) <= LONGEST


def test_a_long_clause_is_cut_between_its_words_and_an_ordinary_one_is_not() -> None:
    text = "one two three " * 40
    assert {word for piece in breaths(text.strip()) for word in piece.split()} == {"one", "two", "three"}
    sentence = "A ship left the harbour before the sun was up, with three sailors and a cat on board."
    assert [breaths(clause) for clause in clauses(sentence)] == [[sentence]]
