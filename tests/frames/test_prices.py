"""What things cost, and what is said when nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget.frames import Frames
from rtc_widget.frames import _prices as prices
from tests.log.script import USAGE, Script

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture(autouse=True)
def _own_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices.PRICES, "own", {})
    monkeypatch.setattr(prices.PRICES, "_warned", set())


def usage_of(model: str, counts: dict[str, Any] | None = None) -> pd.DataFrame:
    script = Script().session(model=model, audio={})
    script.typed_turn()
    if counts is not None:
        for _, event in script.rows:
            if event["type"] == "response.done":
                event["response"]["usage"] = counts
    return Frames(script.log()).get("usage")


def test_cached_tokens_are_billed_at_their_own_price() -> None:
    details = {
        "text_tokens": 100,
        "audio_tokens": 1000,
        "image_tokens": 10,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 500, "image_tokens": 4},
    }
    out = {"text_tokens": 20, "audio_tokens": 200}
    counts = {"input_tokens": 1110, "output_tokens": 220}
    usage = usage_of(
        "gpt-realtime-2.1", {**counts, "input_token_details": details, "output_token_details": out}
    )
    tokens_usd = 40 * 4 + 60 * 0.4 + 500 * 32 + 500 * 0.4 + 6 * 5 + 4 * 0.5 + 20 * 24 + 200 * 64
    assert usage["cost_usd"].iloc[0] == pytest.approx(tokens_usd / 1e6)


@pytest.mark.parametrize(
    ("kinds", "tokens_usd"),
    [
        ({"text_tokens": 1000, "audio_tokens": 0}, 104 * 4 + 896 * 0.4 + 10 * 16),
        ({"audio_tokens": 1000}, 104 * 32 + 896 * 0.4 + 10 * 16),
        ({"text_tokens": 500, "audio_tokens": 500}, None),
        ({}, None),
    ],
)
def test_cached_tokens_without_a_kind_are_of_the_one_there_is_or_nobody_knows_the_cost(
    kinds: dict[str, int], tokens_usd: float | None
) -> None:
    into = {**kinds, "cached_tokens": 896}
    out = {"text_tokens": 10, "audio_tokens": 0}
    counts = {"input_tokens": 1000, "output_tokens": 10}
    counted = {**counts, "input_token_details": into, "output_token_details": out}
    if tokens_usd is None:
        with pytest.warns(UserWarning, match="without their kind"):
            assert usage_of("gpt-realtime", counted)["cost_usd"].isna().all()
    else:
        assert usage_of("gpt-realtime", counted)["cost_usd"].iloc[0] == pytest.approx(tokens_usd / 1e6)


def test_each_part_of_an_input_that_is_written_down_is_billed() -> None:
    script = Script().session()
    item_id = script.speech()
    for content_index, seconds in enumerate([1, 2]):
        script.server(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=content_index,
            transcript="Tea.",
            usage={"type": "duration", "seconds": seconds},
        )
    assert list(Frames(script.log()).get("usage")["seconds"]) == [1.0, 2.0]


def test_our_sums_are_those_of_genai_prices() -> None:
    from genai_prices import Usage, calc_price

    told = Usage(input_tokens=12, output_tokens=70, input_audio_tokens=0, output_audio_tokens=61)
    for model in ("gpt-realtime", "gpt-realtime-2.1", "gpt-realtime-2.1-mini"):
        theirs = calc_price(told, model, provider_id="openai").total_price
        assert usage_of(model)["cost_usd"].iloc[0] == pytest.approx(float(theirs))


def written(counts: dict[str, Any], model: str = "gpt-realtime") -> pd.DataFrame:
    script = Script().session(model=model, output_modalities=["text"])
    script.typed("In writing.")
    response_id = script.created()
    script.done(response_id, [script.write(response_id, "As you like.")])
    body = script.rows[-1][1]["response"]
    body |= {"usage": counts, "output_modalities": ["text"]}
    return Frames(script.log()).get("usage")


COUNTS = {"input_tokens": 1000, "output_tokens": 500}


def test_tokens_of_no_stated_kind_are_text() -> None:
    usage = written(COUNTS)
    assert usage["cost_usd"].iloc[0] == pytest.approx((1000 * 4 + 500 * 16) / 1e6)
    assert usage["text_in"].isna().all()


def test_tokens_of_a_spoken_answer_are_of_no_known_kind_where_nothing_says_how_many_were() -> None:
    with pytest.warns(UserWarning, match="does not say how many tokens of an answer were spoken"):
        assert usage_of("gpt-realtime", COUNTS)["cost_usd"].isna().all()
    rtc.frames.set_price("flat", text_in_usd=1, text_out_usd=2, audio_out_usd=2)
    assert usage_of("flat", COUNTS)["cost_usd"].iloc[0] == pytest.approx(2000 / 1e6)


def test_an_unknown_model_costs_na_and_warns_once() -> None:
    with pytest.warns(UserWarning, match="my-deployment.*set_price") as caught:
        first, second = usage_of("my-deployment"), usage_of("my-deployment")
    assert len(caught) == 1
    assert first["cost_usd"].isna().all()
    assert second["cost_usd"].isna().all()


def test_a_sandbox_has_no_price_and_no_warning() -> None:
    script = Script().session(model="sandbox")
    script.spoken_turn()
    frames = Frames(script.log())
    assert frames.get("usage")["cost_usd"].isna().all()
    assert frames.get("turns")["cost_usd"].isna().all()
    assert len(frames.get("usage")) == 2


def test_a_user_may_say_what_a_sandbox_would_cost() -> None:
    rtc.frames.set_price("sandbox", like="gpt-realtime")
    usage = usage_of("sandbox")
    assert usage["cost_usd"].iloc[0] == pytest.approx(usage_of("gpt-realtime")["cost_usd"].iloc[0])


def test_a_user_may_say_what_a_model_costs() -> None:
    rtc.frames.set_price("my-deployment", like="gpt-realtime", audio_out_usd=10)
    usage = usage_of("my-deployment")
    assert usage["cost_usd"].iloc[0] == pytest.approx((12 * 4 + 9 * 16 + 61 * 10) / 1e6)
    rtc.frames.set_price("gpt-realtime", text_in_usd=1, text_out_usd=1, audio_out_usd=1)
    assert usage_of("gpt-realtime")["cost_usd"].iloc[0] == pytest.approx((12 + 9 + 61) / 1e6)


def test_a_price_that_is_none_is_refused() -> None:
    with pytest.raises(rtc.ConfigurationError, match="no price is called 'audio_usd'"):
        rtc.frames.set_price("x", audio_usd=1)
    with pytest.raises(rtc.ConfigurationError, match="knows no model 'x'"):
        rtc.frames.set_price("y", like="x")


@pytest.mark.parametrize("price", ["4", -1, float("nan"), float("inf"), True])
def test_a_price_is_a_number_from_0_and_no_other_is_taken(price: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"text_in_usd is a price in USD, 0 or more"):
        rtc.frames.set_price("x", text_in_usd=price)
    assert "x" not in prices.PRICES.own


def test_a_part_without_a_price_makes_the_whole_unknown() -> None:
    rtc.frames.set_price("half", text_in_usd=1, text_out_usd=1)
    with pytest.warns(UserWarning, match="half"):
        usage = usage_of("half")
    assert USAGE["output_token_details"]["audio_tokens"] > 0
    assert usage["cost_usd"].isna().all()


def test_an_answer_was_spoken_where_it_has_a_transcript_though_no_modality_was_told() -> None:
    script = Script().session(model="gpt-realtime-2.1", audio={})
    script.typed_turn()
    for _, event in script.rows:
        if event["type"] in {"response.created", "response.done"}:
            event["response"] |= {"output_modalities": None}
            event["response"] |= {"usage": {"input_tokens": 12, "output_tokens": 70}}
    with pytest.warns(UserWarning, match="how many tokens of an answer were spoken"):
        usage = Frames(script.log()).get("usage")
    assert usage["cost_usd"].isna().all()


def test_of_an_unknown_model_it_is_said_that_there_is_no_price_whatever_it_counts() -> None:
    cached = {"text_tokens": 500, "audio_tokens": 500, "cached_tokens": 896}
    with pytest.warns(UserWarning, match="no price is known for the model 'new-model'"):
        usage_of("new-model", {**COUNTS, "input_token_details": cached})
