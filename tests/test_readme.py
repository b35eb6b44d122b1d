"""What the README says holds: every row of its comparison names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import rtc_widget as rtc

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")


def test_every_row_of_the_comparison_names_tests_that_are_there() -> None:
    section = README.partition("## Beside the Agents SDK")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    for row in rows:
        named = re.findall(r"`([^`]+)`", row.rstrip("|").rpartition("|")[2])
        assert named, row
        for name in named:
            assert (TESTS / name).exists(), f"{name}, named in: {row}"


def test_every_name_of_the_package_that_it_uses_is_there() -> None:
    for name in re.findall(r"(?<![.\w])rtc\.([A-Za-z_]+)", README):
        assert hasattr(rtc, name), f"rtc.{name}"
