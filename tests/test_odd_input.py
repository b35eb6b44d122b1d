"""Odd input that users' own code brings: half characters, errors that cannot be said, paths that are none."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.log.tracks import Tracks
from rtc_widget.protocol import SERVER_EVENTS
from rtc_widget.protocol.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rtc_widget.experiments.trial import Trial

HALF = "half an emoji: \ud83d"


class UnsayableError(Exception):
    """An error that fails when it is to say what it is."""

    def __str__(self) -> str:  # noqa: D105
        raise RuntimeError("no words")


def session(**how: Any) -> rtc.HeadlessSession:
    return rtc.HeadlessSession(**{"provider": rtc.Sandbox(), "output_modalities": ["text"], **how})


async def test_half_a_character_in_the_instructions_is_kept_saved_and_shown(tmp_path: Path) -> None:
    async with session(directory=tmp_path / "runs", instructions=HALF) as talking:
        await talking.say("Hello.")
        saved = talking.save(tmp_path / "saved")
    assert talking.folder is not None
    for folder in (talking.folder, saved):
        recording = rtc.load(folder)
        assert json.loads(recording.config["effective"].iloc[0])["instructions"] == HALF
        assert (folder / "session.json").exists()
    page = recording.to_html(tmp_path / "call.html")
    assert "half an emoji: " in page.read_text("utf-8")


async def test_a_tool_whose_error_cannot_be_said_is_answered_once() -> None:
    async with session(directory=None) as talking:

        @talking.tool
        def weather() -> str:
            """Look up the weather."""
            raise UnsayableError

        turn = await talking.say("What is the weather?")
    assert turn.tool_calls["error"].tolist() == ["weather failed: UnsayableError"]
    assert len(talking.responses) == 2


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "a" * 5000])
def test_what_can_be_no_path_is_refused_wherever_one_is_given(name: str, tmp_path: Path) -> None:
    for call in (
        lambda: session(directory=name),
        lambda: rtc.load(name),
        lambda: rtc.load_many(name),
        lambda: rtc.resume(name),
        lambda: rtc.Results.load(name),
        lambda: rtc.Variant("calm", instructions="Be calm.").save(tmp_path / name),
    ):
        with pytest.raises(rtc.ConfigurationError, match="path"):
            call()


@pytest.mark.parametrize("text", ['[{"type": "session.created"}]', '{"type": "session.created"}\n'])
def test_what_is_no_journal_is_not_gone_on_with_and_stays_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(text)
    other = tmp_path / "dump.json"
    other.write_text(text)
    for place in (tmp_path, file, other):
        with pytest.raises(rtc.RecordingError, match=r"load\("):
            rtc.resume(place, provider=rtc.Sandbox())
    assert file.read_text() == other.read_text() == text


@pytest.mark.parametrize("name", ["events.jsonl", "agent.flac", "page", "."])
def test_a_page_is_written_over_nothing_of_its_recording(tmp_path: Path, name: str) -> None:
    (tmp_path / "events.jsonl").write_text('{"type": "session.created"}\n')
    before = sorted(tmp_path.iterdir())
    with pytest.raises(rtc.ConfigurationError, match=r"\.html"):
        rtc.load(tmp_path).to_html(tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "url", ["https://u:canary-4715@a.example/", "https://a.example/?api_key=canary-4715"]
)
def test_an_address_with_a_key_is_in_no_variant(url: str) -> None:
    with pytest.raises(rtc.ConfigurationError, match="server_url may hold a secret") as refused:
        rtc.Variant("v", tools=[{"type": "mcp", "server_label": "x", "server_url": url}])
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda key: rtc.attach(f" {key}"),
        lambda key: rtc.HeadlessSession(provider=rtc.Sandbox(), signaling=key),
        lambda key: rtc.SecretPolicy(seconds=key),
    ],
)
def test_a_key_in_the_wrong_place_is_in_no_error(call: Any) -> None:
    with pytest.raises(rtc.RtcWidgetError) as refused:
        call("sk-proj-canary4716")
    assert "canary4716" not in str(refused.value)


def test_a_track_that_is_none_of_the_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(rtc.ConfigurationError, match='"user" and "agent"'):
        Tracks(tmp_path).sound("assistant")  # type: ignore[arg-type]  # what people try


def test_a_record_before_the_first_is_refused() -> None:
    talking = session(directory=None)
    with pytest.raises(rtc.ConfigurationError, match="from 0"):
        talking.stream(since=-1)
    talking.close()


@pytest.mark.parametrize(
    "odd",
    [ValueError(HALF), UnsayableError(), {"a\ud800": 1}, 10**400],
    ids=["half", "unsayable", "name", "size"],
)
def test_an_odd_score_is_a_row_and_the_other_trials_go_on(tmp_path: Path, odd: Any) -> None:
    def judge(trial: Trial) -> Any:
        if trial.repeat > 0:
            return 1.0
        if isinstance(odd, Exception):
            raise odd
        return odd

    experiment = rtc.Experiment(
        variants=[rtc.Variant("calm", instructions="Be calm.", output_modalities=["text"])],
        scenarios=[rtc.Scenario("hello", [rtc.Say("Hello.")])],
        repeats=2,
        scorers=[judge],
        provider=rtc.Sandbox(),
        directory=tmp_path,
        record=False,
    )
    results = experiment.run(progress=False).result(60)
    assert results.trials["error"].isna().all()
    assert results.scores["value"].fillna(0).max() == 1.0
    assert len(rtc.Results.load(results.folder).scores) == 2


def column() -> pd.Series[Any]:
    return pd.Series(["a", "b"])


# What notebooks have at hand, in the place of a word, a number or an object.
ODD_KINDS = [
    pytest.param(column(), id="column"),
    pytest.param(column().to_frame(), id="frame"),
    pytest.param(np.array([1.0, 2.0]), id="array"),
    pytest.param(np.array(5), id="array of one number"),
    pytest.param(pd.NA, id="NA"),
    pytest.param(5.5, id="number"),
    pytest.param(["x"], id="list"),
    pytest.param(object(), id="object"),
]
CALL_ID = "rtc_abc12345678"


def endpoint(directory: Path, **how: Any) -> object:
    given = {"provider": rtc.Sandbox(), "audit": directory / "audit.jsonl", **how}
    return rtc.token_app(authenticate=lambda _: "ada", origins=["https://app.example.com"], **given)


@pytest.mark.parametrize("odd", ODD_KINDS)
def test_what_is_no_provider_or_address_or_policy_is_refused_and_nothing_begun(
    odd: Any, tmp_path: Path
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: rtc.OpenAI("sk-canary4717", base_url=odd),
        lambda: rtc.Compatible(odd),
        lambda: rtc.Sandbox(odd, key="sk-canary4717"),
        lambda: rtc.Sandbox("http://127.0.0.1:1/v1", key=odd),
        lambda: rtc.AzureOpenAI("resource", "deployment", key="sk-canary4717", webrtcfilter=odd),
        lambda: session(signaling=odd),
        lambda: rtc.sip.accept(CALL_ID, provider=odd),
        lambda: rtc.sip.reject(CALL_ID, provider=odd),
        lambda: rtc.sip.refer(CALL_ID, "tel:+14155550123", provider=odd),
        lambda: rtc.sip.hang_up(CALL_ID, provider=odd),
        lambda: rtc.sip.reject(CALL_ID, status_code=odd, provider=rtc.Sandbox()),
        lambda: endpoint(tmp_path, provider=odd),
        lambda: endpoint(tmp_path, policy=odd),
        lambda: endpoint(tmp_path, session=odd),
        lambda: endpoint(tmp_path, audit=odd),
    ]
    for call in calls:
        with pytest.raises(rtc.ConfigurationError) as refused:
            call()
        assert "canary4717" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_class_in_the_place_of_a_provider_is_named() -> None:
    given: Any = rtc.OpenAI
    for call in (lambda: rtc.sip.hang_up(CALL_ID, provider=given), lambda: session(provider=given)):
        with pytest.raises(rtc.ConfigurationError, match=r"rtc\.OpenAI\(key\).*not the class OpenAI"):
            call()


@pytest.mark.parametrize("how", [{"session": {1: 2}}, {"audit": "a\0b"}, {"session": "calm"}])
def test_an_endpoint_of_odd_parts_does_not_start(how: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"session is a dict|no path"):
        endpoint(tmp_path, **how)


@pytest.mark.parametrize("odd", [5, np.array(5), pd.NA, 1.5, [5], []], ids=repr)
def test_models_that_name_none_are_refused(odd: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match="models names at least one model"):
        rtc.SecretPolicy(models=odd)


def test_the_models_of_a_policy_may_be_a_column() -> None:
    assert rtc.SecretPolicy(models=column()).models == ("a", "b")  # type: ignore[arg-type]  # what people have


@pytest.mark.parametrize("odd", ODD_KINDS)
def test_a_voice_language_or_speed_that_is_none_is_refused(odd: Any) -> None:
    for how in ({"voice": odd}, {"language": odd}, {"speed": odd}):
        with pytest.raises(rtc.ConfigurationError, match=next(iter(how))):
            rtc.Sandbox.spoken("Hello.", **how)


@pytest.mark.parametrize("speed", [0, -1, 1.6, True, "1", None, float("nan"), float("inf"), 10**400])
def test_a_speed_that_nobody_speaks_at_is_refused(speed: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"from 0\.25 to 1\.5"):
        rtc.Sandbox.spoken("Hello.", speed=speed)


def test_a_voice_or_language_that_there_is_not_names_those_there_are() -> None:
    odd: list[dict[str, Any]] = [{"voice": "mariin"}, {"language": "it"}]
    for how in odd:
        with pytest.raises(rtc.ConfigurationError, match=r'"marin"|"en", "fr"'):
            rtc.Sandbox.spoken("Hello.", **how)


@pytest.mark.parametrize("odd", ["question.wav", b"RIFF", None, *ODD_KINDS])
def test_what_is_no_sound_is_told_how_it_becomes_one(odd: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"load_sound\("):
        rtc.Sandbox.recognised(odd)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def itself(kind: type) -> Any:
    if kind is list:
        items: list[Any] = []
        items.append(items)
        return items
    fields: dict[str, Any] = {}
    fields["a"] = fields
    return fields


@pytest.mark.parametrize(
    "endless", [nested(20_000), itself(dict), itself(list)], ids=["deep", "dict", "list"]
)
def test_what_holds_itself_or_has_no_end_is_refused_before_anything_is_sent(endless: Any) -> None:
    talking = session(directory=None)
    tool = {"type": "function", "name": "price", "parameters": endless}
    calls: list[Callable[[], object]] = [
        lambda: session(tools=[tool]),
        lambda: session(prompt=endless),
        lambda: rtc.Variant("calm", tools=[tool]),
        lambda: rtc.sip.accept(CALL_ID, tracing=endless),
        lambda: talking.update(tools=[tool]),
        lambda: talking.update(audio={"input": endless}),
        lambda: talking.respond(metadata=endless),
        lambda: talking.respond(input=[endless]),
        lambda: talking.send_event({"type": "response.create", "event_id": endless}),
        lambda: talking.send_event({"type": "response.create", "response": endless}),
        lambda: talking.send_event({"type": endless}),
    ]
    for call in calls:
        with pytest.raises(rtc.ProtocolError, match=r"holds itself|nested more than 100 levels"):
            call()
    with pytest.raises(rtc.ConfigurationError, match="no role of a message"):
        talking.add_message(endless, "Hello.")
    assert not len(talking.event_log)
    talking.close()


def test_a_schema_as_deep_as_any_tool_has_is_taken() -> None:
    tool = {"type": "function", "name": "price", "parameters": nested(80)}
    assert rtc.Variant("calm", tools=[tool]).fields["tools"] == [tool]


@pytest.mark.parametrize("odd", ODD_KINDS)
def test_what_is_no_word_is_refused_wherever_one_is_given(odd: Any) -> None:
    talking = session(directory=None)
    calls: list[Callable[[], object]] = [
        lambda: talking.add_message(odd, "Hello."),
        lambda: talking.add_message("user", odd),
        lambda: talking.add_image("https://a.example/b.png", detail=odd),
        lambda: talking.on(odd, print),
        lambda: talking.ask_again(0, [rtc.Variant("calm", instructions="Be calm.")], on=odd),
        lambda: talking.send_event({"typ": odd}),
        lambda: talking.send_event({"type": odd}),
    ]
    for call in calls:
        with pytest.raises((rtc.ConfigurationError, rtc.ProtocolError)) as refused:
            call()
        assert "\n" not in str(refused.value)
    assert not len(talking.event_log)
    talking.close()


@pytest.mark.parametrize("name", [1, None, (1, 2)])
def test_an_event_whose_fields_have_no_names_is_refused(name: Any) -> None:
    talking = session(directory=None)
    for event in ({name: 2}, {"type": "response.create", name: 2}):
        with pytest.raises(rtc.ProtocolError, match=r"needs its type|keys are strings"):
            talking.send_event(event)
    talking.close()


def test_a_name_of_a_megabyte_is_held_against_the_right_ones_at_once() -> None:
    began_s = time.monotonic()
    assert nearest("a" * 1_000_000, SERVER_EVENTS) is None
    assert time.monotonic() - began_s < 10  # letter by letter it takes a minute


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    folder = tmp_path / "call"
    folder.mkdir()
    (folder / "events.jsonl").write_text('{"type": "session.created"}\n')
    return folder


def test_an_array_of_one_number_holds_no_events() -> None:
    with pytest.raises(rtc.ConfigurationError, match="a list of events"):
        rtc.load(np.array(5))


@pytest.mark.parametrize("odd", ["no", None, *ODD_KINDS])
def test_strict_and_record_are_true_or_false(odd: Any, recorded: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: rtc.load(recorded, strict=odd),
        lambda: rtc.load_many(recorded, strict=odd),
        lambda: grid(recorded, record=odd),
    ]
    for call in calls:
        with pytest.raises(rtc.ConfigurationError, match="is True or False"):
            call()


def test_a_flag_of_numpy_is_one(recorded: Path) -> None:
    given: Any = np.bool_(0)
    assert len(rtc.load(recorded, strict=given).event_log) == 1


@pytest.mark.parametrize("odd", ODD_KINDS)
def test_what_names_no_record_file_or_compression_is_refused(odd: Any, recorded: Path) -> None:
    recording = rtc.load(recorded)
    before = sorted(recorded.iterdir())
    calls: list[Callable[[], object]] = [
        lambda: recording.event_log[odd],
        lambda: recording.to_html(recorded / "a.html", sound=odd),
        lambda: recording.to_parquet(odd),
        lambda: recording.events.rtc.path("type", odd),
    ]
    for call in calls:
        with pytest.raises(rtc.ConfigurationError):
            call()
    assert sorted(recorded.iterdir()) == before


def grid(directory: Path, **how: Any) -> rtc.Experiment:
    given: dict[str, Any] = {
        "variants": [rtc.Variant("calm", instructions="Be calm.")],
        "scenarios": [rtc.Scenario("hello", [rtc.Say("Hello.")])],
        "provider": rtc.Sandbox(),
        "directory": directory,
    }
    return rtc.Experiment(**{**given, **how})


@pytest.mark.parametrize("maker", [rtc.AzureOpenAI, lambda _: rtc.Sandbox()], ids=["class", "function"])
def test_what_makes_a_provider_takes_no_arguments(maker: Any, tmp_path: Path) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"without arguments .*missing a required argument"):
        grid(tmp_path, provider=maker)
    assert grid(tmp_path, provider=rtc.Sandbox).n_trials == 3


@pytest.mark.parametrize("odd", ["calm", None, *ODD_KINDS])
def test_results_are_asked_for_a_row_and_tell_what_there_is(odd: Any, tmp_path: Path) -> None:
    results = rtc.Results([], [], tmp_path)
    with pytest.raises(rtc.ConfigurationError, match=r"row in results\.trials.*results\.turns"):
        results[odd]
    with pytest.raises(IndexError, match="there are 0 trials, no trial 3"):
        results[3]
    with pytest.raises(rtc.ConfigurationError, match="no trials to compare"):
        results.compare("latency_heard_ms")


@pytest.mark.parametrize("odd", [None, 5, ["voice"], {"voice": 1}, column()])
def test_a_variant_is_made_without_fields_named_one_after_the_other(odd: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r'without\("voice", "speed"\)'):
        rtc.Variant("calm", voice="cedar").without(odd)


@pytest.mark.parametrize("odd", ["no", *ODD_KINDS])
def test_progress_is_true_false_or_none_and_nothing_begins_before(odd: Any, recorded: Path) -> None:
    before = sorted(recorded.iterdir())
    calls: list[Callable[[], object]] = [
        lambda: rtc.load(recorded, progress=odd),
        lambda: rtc.load_many(recorded, progress=odd),
        lambda: grid(recorded).run(progress=odd),
    ]
    for call in calls:
        with pytest.raises(rtc.ConfigurationError, match="progress, where it is not None, is True or False"):
            call()
    assert sorted(recorded.iterdir()) == before


@pytest.mark.parametrize("odd", ODD_KINDS)
def test_a_price_is_of_a_model_with_a_name(odd: Any) -> None:
    for how in ({"model": odd}, {"model": "voice", "like": odd}):
        with pytest.raises(rtc.ConfigurationError, match="is the name of a model"):
            rtc.frames.set_price(**how)
