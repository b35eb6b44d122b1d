"""Numbers as words: what English speech says where a text has digits."""

from __future__ import annotations

from typing import Final

__all__ = ["counted", "number_of", "spelled"]

_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70}
_VALUES: Final[dict[str, int]] = {word: value for value, word in enumerate(_ONES)} | _TENS
_LARGEST: Final = 79


def number_of(word: str) -> float | None:
    """Return the value of "3", "2.5" or "three", None for anything else."""
    try:
        return float(word)
    except ValueError:
        value = _VALUES.get(word.lower())
        return None if value is None else float(value)


def spelled(number: int) -> str:
    """Return a number from 0 to 79 in English words."""
    if number < len(_ONES):
        return _ONES[number]
    tens = next(word for word, value in reversed(_TENS.items()) if value <= number)
    rest = number - _TENS[tens]
    return f"{tens} {_ONES[rest]}" if rest else tens


def counted(last: int) -> str:
    """Return "One, two, three." up to a number, 79 at most."""
    words = ", ".join(spelled(number) for number in range(1, min(max(last, 1), _LARGEST) + 1))
    return f"{words[0].upper()}{words[1:]}."
