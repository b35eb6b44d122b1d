"""What pairs of trials show: the numbers of a comparison held against their definitions."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

import rtc_widget as rtc
from rtc_widget.experiments.run import Outcome
from rtc_widget.experiments.scenario import Scenario
from rtc_widget.experiments.scoring import Score
from rtc_widget.experiments.trial import Trial
from rtc_widget.frames._prices import PRICES, Price
from rtc_widget.log.saving import save_recording
from tests.log.script import Script

ORDER = Scenario("order", [rtc.Say("One."), rtc.Say("Two.")])
Values = dict[str, list[list[float | None]]]
"""Of each variant, for each repeat, the score of each step."""


def results_of(values: Values) -> rtc.Results:
    trials, scores = [], []
    for variant, repeats in values.items():
        for repeat, steps in enumerate(repeats):
            trials.append(Trial(Outcome(variant, "order", repeat, session_id=f"{variant}-{repeat}"), ORDER))
            scores += [
                Score(
                    session_id=f"{variant}-{repeat}",
                    variant=variant,
                    scenario="order",
                    repeat=repeat,
                    turn=step,
                    step=step,
                    score="wit",
                    value=value,
                )
                for step, value in enumerate(steps)
            ]
    return rtc.Results(trials, scores, Path())


def one_step(**values: list[float]) -> rtc.Results:
    return results_of({name: [[value] for value in row] for name, row in values.items()})


def test_a_row_holds_the_mean_of_the_differences_with_its_interval_and_its_exact_p_value() -> None:
    ours, theirs = [3.0, 5.0, 4.0, 6.5, 5.5, 7.0, 4.5], [2.0, 3.5, 4.5, 4.0, 5.0, 5.0, 3.0]
    [row] = one_step(calm=theirs, brisk=ours).compare("wit").to_dict("records")
    differences = np.subtract(ours, theirs)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    signs = np.array(list(itertools.product([-1, 1], repeat=7)))
    as_far = np.abs((signs * differences).mean(axis=1)) >= abs(differences.mean()) - 1e-12
    assert (row["metric"], row["variant"], row["baseline"], row["n_pairs"]) == ("wit", "brisk", "calm", 7)
    assert (row["baseline_mean"], row["mean"]) == pytest.approx((np.mean(theirs), np.mean(ours)))
    assert row["difference"] == pytest.approx(differences.mean())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_value"] == pytest.approx(as_far.mean())
    assert row["effect_size"] == pytest.approx(differences.mean() / differences.std(ddof=1))
    assert row["conclusion"] == "higher"


def test_the_first_variant_is_the_baseline_unless_another_is_named() -> None:
    results = one_step(calm=[1.0] * 6, brisk=[0.0] * 6)
    assert list(results.compare("wit")["baseline"]) == ["calm"]
    [row] = results.compare("wit", baseline="brisk").to_dict("records")
    assert (row["variant"], row["difference"], row["conclusion"]) == ("calm", 1.0, "higher")


def test_fewer_than_six_pairs_tell_nothing_however_far_apart() -> None:
    [row] = one_step(calm=[0.0] * 5, brisk=[9.0, 9.5, 9.0, 9.5, 9.0]).compare("wit").to_dict("records")
    assert row["p_value"] == pytest.approx(2 / 2**5)
    assert row["conclusion"] == "too few pairs"
    [row] = one_step(calm=[0.0], brisk=[9.0]).compare("wit").to_dict("records")
    assert (row["n_pairs"], row["difference"], row["conclusion"]) == (1, 9.0, "too few pairs")
    assert one_step(calm=[0.0], brisk=[9.0]).compare("wit")[["ci_low", "p_value"]].isna().all(axis=None)


def test_where_several_comparisons_take_more_pairs_it_says_so() -> None:
    apart = {"calm": [0.0] * 6, "brisk": [9.0, 9.5, 9.0, 9.5, 9.0, 9.2]}
    assert list(one_step(**apart).compare("wit")["conclusion"]) == ["higher"]
    three = one_step(**apart, twin=[0.1, -0.1, 0.1, -0.1, 0.0, 0.0]).compare("wit")
    assert list(three["conclusion"]) == ["too few pairs", "not shown"]
    both = one_step(**apart, loud=[5.0, 5.2, 5.1, 5.0, 5.3, 5.2]).compare("wit")
    assert list(both["p_adjusted"]) == [2 / 2**6] * 2
    assert list(both["conclusion"]) == ["higher", "higher"]
    longer = {name: [*values, values[0]] for name, values in apart.items()}
    seven = one_step(**longer, twin=[0.1, -0.1, 0.1, -0.1, 0.0, 0.0, 0.0]).compare("wit")
    assert list(seven["conclusion"]) == ["higher", "not shown"]


@pytest.mark.parametrize(("n_ties", "n_more"), [(1, 5), (7, 3), (20, 5)])
def test_pairs_that_do_not_differ_are_none_that_tell(n_ties: int, n_more: int) -> None:
    results = one_step(calm=[0.0] * (n_ties + n_more), brisk=[1.0] * n_more + [0.0] * n_ties)
    [row] = results.compare("wit").to_dict("records")
    assert row["n_pairs"] == n_ties + n_more
    assert row["p_value"] == pytest.approx(2 / 2**n_more)
    assert row["conclusion"] == "too few pairs"


def test_one_pair_that_differs_among_others_tells_nothing() -> None:
    [row] = one_step(calm=[0.0] * 8, brisk=[1.0] + [0.0] * 7).compare("wit").to_dict("records")
    assert (row["p_value"], row["conclusion"]) == (1.0, "too few pairs")


def test_an_interval_of_large_values_is_as_wide_as_their_differences_say() -> None:
    theirs = [1e9 + place for place in range(8)]
    ours = [
        value + add
        for value, add in zip(theirs, [0.01, 0.02, 0.03, 0.01, 0.02, 0.03, 0.01, 0.02], strict=True)
    ]
    [row] = one_step(calm=theirs, brisk=ours).compare("wit").to_dict("records")
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))


def test_what_is_the_same_is_not_shown_to_differ() -> None:
    [row] = one_step(calm=[2.0] * 8, brisk=[2.0] * 8).compare("wit").to_dict("records")
    assert (row["difference"], row["p_value"], row["conclusion"]) == (0.0, 1.0, "not shown")


def test_a_pair_counts_the_steps_that_both_have_and_no_pair_is_made_of_one() -> None:
    results = results_of(
        {
            "calm": [[1.0, 10.0], [1.0, None], [1.0, 10.0]],
            "brisk": [[2.0, None], [2.0, 20.0], [None, None]],
        }
    )
    [row] = results.compare("wit").to_dict("records")
    assert (row["n_pairs"], row["baseline_mean"], row["mean"]) == (2, 1.0, 2.0)


def test_what_is_no_number_is_never_evidence() -> None:
    endless = [1.0, 2.0, float("inf"), 4.0, 5.0, 6.0, 7.0]
    [row] = (
        one_step(calm=[0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0], brisk=endless).compare("wit").to_dict("records")
    )
    assert (row["n_pairs"], row["conclusion"]) == (6, "higher")
    assert np.isfinite([row["difference"], row["ci_low"], row["ci_high"]]).all()


def test_a_difference_that_only_rounding_varies_has_no_effect_size() -> None:
    tenths = [one / 10 for one in range(1, 8)]
    found = one_step(calm=tenths, brisk=[one + 0.1 for one in tenths]).compare("wit")
    assert found["difference"][0] == found["ci_low"][0] == found["ci_high"][0] == pytest.approx(0.1)
    assert found["effect_size"].isna().all()


@pytest.mark.parametrize("name", ["error", "turn", "step", "repeat", "variant", "scenario", "value"])
def test_a_score_may_be_called_like_a_column(name: str) -> None:
    results = one_step(calm=[0.0] * 6, brisk=[1.0, 2.0, 1.0, 2.0, 1.0, 1.5])
    scores = [replace(score, score=name) for score in results._scores]
    again = rtc.Results(list(results), scores, Path())
    assert again.compare(name)["difference"][0] == pytest.approx(8.5 / 6)


def test_several_metrics_are_one_table_adjusted_for_each_other() -> None:
    results = one_step(calm=[0.0] * 7, brisk=[1.0, 2.0, 1.0, 2.0, 1.0, 1.5, 1.2])
    other = [replace(score, score="charm", value=score.repeat * 1.0) for score in results._scores]
    both = rtc.Results(list(results), [*results._scores, *other], Path())
    found = both.compare(["wit", "charm", "wit"])
    assert list(zip(found["metric"], found["conclusion"], strict=True)) == [
        ("wit", "higher"),
        ("charm", "not shown"),
    ]
    assert found["p_adjusted"][0] == pytest.approx(2 * found["p_value"][0])
    assert both.compare("wit")["p_adjusted"][0] == both.compare("wit")["p_value"][0]


def drawn(spec: dict[str, Any]) -> list[list[tuple[dict[str, Any], list[dict[str, Any]]]]]:
    """Return the layers of each picture, each with its rows."""
    return [
        [(layer, spec["datasets"][layer["data"]["name"]]) for layer in picture["layer"]]
        for picture in spec["vconcat"]
    ]


def test_a_forest_plot_has_a_dot_a_pair_and_the_mean_with_its_interval() -> None:
    results = one_step(calm=[0.0] * 7, brisk=[1.0, 2.0, 1.0, 2.0, 1.0, 1.5, 1.2], twin=[0.0] * 7)
    found = results.compare("wit")
    bundle: Any = results.plot("wit")._repr_mimebundle_()
    assert bundle["text/plain"] == "<forest plot>"
    [layers] = drawn(bundle["application/vnd.vegalite.v5+json"])
    _, dots, *whole = [rows for _, rows in layers]
    assert [dot["difference"] for dot in dots if dot["variant"] == "brisk"] == [1, 2, 1, 2, 1, 1.5, 1.2]
    for rows in whole:
        assert [row["difference"] for row in rows] == found["difference"].tolist()
        assert [row["ci_low"] for row in rows] == found["ci_low"].tolist()
        assert [row["words"] for row in rows] == ["+1.386 (higher)", "+0 (not shown)"]
    assert layers[2][0]["encoding"]["x2"] == {"field": "ci_high"}


def test_what_no_pair_has_is_left_out_of_a_forest_plot() -> None:
    results = results_of({"calm": [[1.0]], "brisk": [[None]]})
    [layers] = drawn(results.plot(["wit"]).to_dict())
    layer, [row] = layers[-1]
    told = row.pop("told")
    assert row == {
        "metric": "wit",
        "variant": "brisk",
        "baseline": "calm",
        "n_pairs": 0,
        "conclusion": "too few pairs",
        "words": "too few pairs",
    }
    assert set(told.values()) == {"–"}
    hovered = [tip["field"] for tip in layer["encoding"]["tooltip"]]
    assert set(hovered) == {"variant", *(f"told.{name}" for name in told), "n_pairs", "conclusion"}


@pytest.mark.filterwarnings("ignore:no price is known:UserWarning")
@pytest.mark.parametrize("hour_usd", [3.6, None])
def test_a_step_of_which_a_part_has_no_known_price_has_no_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hour_usd: float | None
) -> None:
    monkeypatch.setitem(PRICES.own, "gpt-realtime", Price(text_in_usd=0, text_out_usd=0, audio_out_usd=1e6))
    monkeypatch.setitem(PRICES.own, "gpt-realtime-whisper", Price(hour_usd=hour_usd))
    trials = []
    for variant in ("calm", "brisk"):
        script = Script(f"{variant}_").session()
        script.typed("Nobody answers this.")
        script.typed_turn()
        if variant == "calm":
            script.spoken_turn()
        log = script.log()
        save_recording(cast("Any", SimpleNamespace(event_log=log)), tmp_path / variant)
        turns = [list(range(3 if variant == "calm" else 2))]
        trials.append(
            Trial(Outcome(variant, "order", 0, log.session_id, str(tmp_path / variant), turns), ORDER)
        )
    [row] = rtc.Results(trials, [], tmp_path).compare("cost_usd").to_dict("records")
    if hour_usd is None:
        assert row["n_pairs"] == 0
    else:
        assert row["baseline_mean"] - 2 * row["mean"] == pytest.approx(3 / 3600 * hour_usd)


def test_several_comparisons_hold_the_false_discovery_rate() -> None:
    dice = np.random.default_rng(4)
    values = {name: list(dice.normal(mean, 1.0, 12)) for name, mean in [("a", 0), ("b", 1), ("c", 0.4)]}
    frame = one_step(**values).compare("wit")
    adjusted = stats.false_discovery_control(frame["p_value"].to_numpy(float))
    assert frame["p_adjusted"].to_numpy(float) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"metric": "wit", "baseline": "loud"}, "calm, brisk"),
        ({"metric": "wit", "confidence": 95}, "0.95"),
        ({"metric": []}, "the name of a score or a column, or a list of them"),
        ({"metric": ["wit", 5]}, "the name of a score or a column, or a list of them"),
        ({"metric": ["wit", "charm"]}, "'charm'.*wit"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_there_is(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(rtc.ConfigurationError, match=words):
        one_step(calm=[1.0], brisk=[2.0]).compare(**arguments)  # type: ignore[arg-type]  # wrong on purpose


def test_one_variant_is_nothing_to_compare() -> None:
    with pytest.raises(rtc.ConfigurationError, match="two variants"):
        one_step(calm=[1.0]).compare("wit")


@pytest.mark.parametrize("metric", ["repeat", "t_start_ms", "variant"])
def test_a_numbering_an_instant_and_a_name_are_no_metric(metric: str) -> None:
    results = one_step(calm=[1.0, 2.0], brisk=[2.0, 3.0])
    with pytest.raises(rtc.ConfigurationError, match=f"no column of numbers called '{metric}'"):
        results.compare(metric)


def test_fewer_than_six_pairs_are_too_few_also_where_they_go_both_ways() -> None:
    [row] = one_step(calm=[0.0] * 5, brisk=[3.0, -1.0, 2.0, -2.0, 1.0]).compare("wit").to_dict("records")
    assert row["p_value"] > 2 / 2**5
    assert row["conclusion"] == "too few pairs"
