"""What judgements amount to: shares, intervals and strengths against their definitions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from scipy import stats

import rtc_widget as rtc
from rtc_widget.experiments.preferences import judgements_in, keep_judgement, preferences_of, ranking_of
from rtc_widget.experiments.run import Outcome
from rtc_widget.experiments.scenario import Scenario
from rtc_widget.experiments.trial import Trial

if TYPE_CHECKING:
    from pathlib import Path


def judged(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return judgements: A, B and which was preferred."""
    return [
        {
            "scenario": "order",
            "repeat": number,
            "step": 0,
            "variant_a": a,
            "variant_b": b,
            "preferred": preferred,
            "judged_at": datetime(2026, 1, 1, 12, 0, number, tzinfo=UTC),
        }
        for number, (a, b, preferred) in enumerate(rows)
    ]


def test_a_ranking_has_shares_with_wilson_s_interval_and_bradley_and_terry_s_strengths() -> None:
    rows = [("calm", "brisk", "brisk")] * 6 + [("brisk", "calm", "calm")] * 2 + [("brisk", "calm", "neither")]
    first, second = ranking_of(judged(*rows)).to_dict("records")
    told = [first[name] for name in ("variant", "n_judged", "n_preferred", "n_neither")]
    assert told == ["brisk", 9, 6, 1]
    interval = stats.binomtest(6, 8).proportion_ci(method="wilson")
    assert (first["share"], first["share_low"], first["share_high"]) == pytest.approx((0.75, *interval))
    # One draw was judged, and one is put between the two: of ten, brisk has 6 + 2 / 2.
    assert first["strength"] / (first["strength"] + second["strength"]) == pytest.approx(0.7, abs=1e-3)


def test_those_who_never_met_are_not_ranked_against_each_other() -> None:
    apart = ranking_of(judged(*[("a", "b", "a")] * 3, *[("c", "d", "d")] * 3))
    assert apart["strength"].isna().all()
    assert list(apart["share"]) == [1.0, 1.0, 0.0, 0.0]
    by_a_third = ranking_of(judged(*[("a", "b", "a")] * 3, *[("c", "d", "d")] * 3, ("b", "c", "c")))
    assert by_a_third["strength"].notna().all()


def test_judgements_of_all_tests_are_read_back_but_for_one_that_was_cut_off(tmp_path: Path) -> None:
    rows = judged(("calm", "brisk", "brisk"), ("brisk", "calm", "neither"))
    for row in rows:
        keep_judgement(tmp_path, row)
    assert judgements_in(tmp_path) == rows
    results = rtc.Results([], [], tmp_path)
    assert results.preferences.equals(preferences_of(rows))
    assert list(results.ranking()["variant"]) == ["brisk", "calm"]
    with (tmp_path / "preferences.jsonl").open("a") as file:
        file.write('{"scenario": "ord')
    assert judgements_in(tmp_path) == rows


@pytest.mark.parametrize(("cut", "n_kept"), [(-20, 1), (-1, 2)])
def test_a_judgement_after_one_that_was_cut_off_is_kept(tmp_path: Path, cut: int, n_kept: int) -> None:
    rows = judged(("calm", "brisk", "brisk"), ("brisk", "calm", "neither"), ("calm", "brisk", "calm"))
    for row in rows[:2]:
        keep_judgement(tmp_path, row)
    file = tmp_path / "preferences.jsonl"
    file.write_bytes(file.read_bytes()[:cut])
    keep_judgement(tmp_path, rows[2])
    assert judgements_in(tmp_path) == [*rows[:n_kept], rows[2]]


def test_a_broken_judgement_is_named_by_its_file_and_line(tmp_path: Path) -> None:
    for row in judged(("calm", "brisk", "brisk"), ("brisk", "calm", "neither")):
        keep_judgement(tmp_path, row)
    file = tmp_path / "preferences.jsonl"
    file.write_bytes(b"{}\n" + file.read_bytes())
    results = rtc.Results([], [], tmp_path)
    for look in (results.ranking, lambda: results.preferences):
        with pytest.raises(rtc.RecordingError, match=r"preferences\.jsonl, line 1: .*Take this line out"):
            look()


def test_without_a_judgement_there_is_no_ranking(tmp_path: Path) -> None:
    results = rtc.Results([], [], tmp_path)
    assert results.preferences.empty
    with pytest.raises(rtc.ConfigurationError, match=r"Nothing has been judged.*results\.listen\(\)"):
        results.ranking()


def test_a_variant_called_like_no_preference_cannot_be_judged(tmp_path: Path) -> None:
    scenario = Scenario("order", [rtc.Say("One.")])
    trials = [Trial(Outcome(name, "order", 0), scenario) for name in ("neither", "calm")]
    with pytest.raises(rtc.ConfigurationError, match=r"no difference.*another name"):
        rtc.Results(trials, [], tmp_path).listen()
