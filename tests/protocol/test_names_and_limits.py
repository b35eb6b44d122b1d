"""Names of events, models and their end, sizes, and the endpoints that are no more."""

from __future__ import annotations

import datetime as dt
import warnings

import pytest

from rtc_widget import ConfigurationError, ProtocolError
from rtc_widget.protocol import (
    DEFAULT_MODEL,
    DEFAULT_TRANSCRIPTION_MODEL,
    MODELS,
    TRANSCRIPTION_MODELS,
    ShutdownWarning,
    check_event_name,
    check_message_bytes,
    check_secret_seconds,
    encode,
    endpoint_hint,
    models,
    warn_if_shutting_down,
)
from rtc_widget.protocol.nearest import listed, nearest, plain


@pytest.mark.parametrize(
    "name", ["response.done", "session.update", "rtc.tool", "response.something_new.delta"]
)
def test_events_of_today_and_of_tomorrow_may_be_awaited(name: str) -> None:
    assert check_event_name(name) == name


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("conversation.item.completed", "conversation.item.done"),
        ("response.text.delta", "response.output_text.delta"),
        ("response.audio_transcript.done", "response.output_audio_transcript.done"),
        ("response.dnoe", "response.done"),
        ("input_audio_buffer.speech_start", "input_audio_buffer.speech_started"),
        ("speech_started", "input_audio_buffer.speech_started"),
        ("", "response.done"),
    ],
)
def test_events_that_never_were_may_not(name: str, right: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        check_event_name(name)
    assert right in str(refused.value)


def test_the_default_models_are_known_and_stay() -> None:
    for model in (DEFAULT_MODEL, DEFAULT_TRANSCRIPTION_MODEL, "my-deployment", None):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_if_shutting_down(model)
    assert MODELS[DEFAULT_MODEL].reasons
    assert DEFAULT_TRANSCRIPTION_MODEL in TRANSCRIPTION_MODELS


def test_a_model_that_ends_is_warned_of_with_the_day_and_its_successor() -> None:
    with pytest.warns(
        ShutdownWarning, match="gpt-realtime-mini .*2027-01-20.* gpt-realtime-2.1-mini"
    ) as seen:
        warn_if_shutting_down("gpt-realtime-mini")
    assert seen[0].filename == __file__


def test_a_model_that_has_ended_is_told_in_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    old = models.Model("old", shuts_down_on=dt.date(2020, 1, 2), successor="new")
    monkeypatch.setattr(models, "MODELS", {"old": old})
    with pytest.warns(ShutdownWarning, match="was shut down on 2020-01-02; use new"):
        warn_if_shutting_down("old")


def test_every_model_that_ends_has_a_successor_that_stays() -> None:
    known = {**MODELS, **TRANSCRIPTION_MODELS}
    for model in known.values():
        if model.shuts_down_on is not None:
            assert known[model.successor or ""].shuts_down_on is None


def test_a_message_that_is_too_large_is_refused_with_both_sizes() -> None:
    text = encode({"type": "x", "text": "ä" * 10})
    assert check_message_bytes(text, 1000) == len(text.encode())
    assert check_message_bytes(text, 0) == len(text.encode())
    with pytest.raises(ProtocolError, match=r"the picture has 70,000 bytes.* takes 65,536"):
        check_message_bytes("x" * 70_000, 65_536, what="the picture")


def test_an_event_is_written_compactly_and_as_it_reads() -> None:
    assert encode({"type": "x", "text": "grün"}) == '{"type":"x","text":"grün"}'


def test_a_client_secret_lives_from_10_s_to_2_hours() -> None:
    assert check_secret_seconds(30) == 30
    for wrong in (9, 7201, True):
        with pytest.raises(ConfigurationError, match="from 10 to 7200"):
            check_secret_seconds(wrong)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/v1/realtime/sessions", "/v1/realtime/client_secrets"),
        ("/v1/realtime/transcription_sessions", "/v1/realtime/client_secrets"),
        ("/v1/realtime?model=gpt-realtime", "/v1/realtime/calls"),
    ],
)
def test_old_endpoints_have_new_ones(path: str, right: str) -> None:
    assert right in str(endpoint_hint(path))
    assert endpoint_hint("/v1/realtime/calls") is None


def test_names_are_near_when_they_look_or_sound_alike() -> None:
    assert plain("turnDetection") == plain("turn-detection") == "turn_detection"
    assert nearest("vad_threshold", ["eagerness", "threshold"]) == "threshold"
    assert nearest("xyz", ["eagerness", "threshold"]) is None
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], last="and") == "a, b and c"


def test_half_a_surrogate_pair_is_written_as_its_escape() -> None:
    assert encode({"type": "x", "text": "grün \ud83d"}) == '{"type":"x","text":"grün \\ud83d"}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_has_not_is_refused(number: float) -> None:
    with pytest.raises(ProtocolError, match="cannot be written as JSON"):
        encode({"type": "x", "speed": number})
