"""Variants: a named configuration in a file that git reads line by line, and that loses nothing."""

from __future__ import annotations

import ast
import copy
import os
import pickle
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_widget import ConfigurationError, ProtocolError, Variant
from rtc_widget.protocol import session_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALM = Variant(
    "calm",
    instructions="You are calm.\n---\nvoice: no field",
    voice="cedar",
    turn_detection={"type": "semantic_vad", "eagerness": "low"},
)
TOOL = {"type": "function", "name": "price", "parameters": {"type": "object", "properties": {}}}

LINES = st.sampled_from(
    ["---", "voice: cedar", "# title", "", " ", "ends in spaces  ", "\ttab", "--- ", "…", "."]
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.lists(LINES | st.text(st.characters(codec="utf-8"), max_size=9)).map("\n".join),
    st.lists(LINES).map("\r\n".join),
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "instructions": TEXTS,
        "voice": st.sampled_from(["cedar", "marin", {"id": "voice_1"}]),
        "speed": st.floats(0.25, 1.5) | st.just(1),
        "turn_detection": st.sampled_from([None, {"type": "server_vad", "threshold": 0.4}]),
        "transcription": st.sampled_from([None, {"model": "gpt-transcribe", "prompt": "Zürich, 東京: “§1”"}]),
        "max_output_tokens": st.sampled_from(["inf", 200]),
        "output_modalities": st.sampled_from([["audio"], ["text"]]),
        "tools": st.lists(st.builds(lambda text: {**TOOL, "description": text}, TEXTS), max_size=1),
    },
)


# -- its file ---------------------------------------------------------------------------------------


def test_the_file_is_fields_a_line_each_and_the_text_as_it_is(tmp_path: Path) -> None:
    path = CALM.save(tmp_path / "new" / "folder")
    assert path.name == "calm.md"
    assert path.read_bytes().decode() == (
        "---\n"
        'turn_detection: {"type": "semantic_vad", "eagerness": "low"}\n'
        'voice: "cedar"\n'
        "---\n"
        "\n"
        "You are calm.\n---\nvoice: no field\n"
    )
    for loaded in (Variant.load("calm", path.parent), Variant.load(path), Variant.load(str(path))):
        assert loaded == CALM
        assert (loaded.name, loaded.hash, loaded.fields) == (CALM.name, CALM.hash, CALM.fields)
    assert list(path.parent.iterdir()) == [path]


@settings(max_examples=250, derandomize=True, deadline=None)
@given(FIELDS)
def test_whatever_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("variants")
    variant = Variant("any", **fields)
    path = variant.save(folder)
    loaded = Variant.load("any", folder)
    assert loaded.fields == variant.fields
    assert (loaded, loaded.hash) == (variant, variant.hash)
    # Fields are YAML to everybody else.
    head = path.read_bytes().decode().split("\n---\n")[0]
    heads = {} if head == "---" else msgspec.yaml.decode(head.removeprefix("---"))
    plain = {name: value for name, value in variant.fields.items() if name in (heads or {})}
    assert (heads or {}) == plain
    assert set(variant.fields) - set(plain) <= {"instructions"}


def test_line_ends_are_gits_affair_and_not_the_variants(tmp_path: Path) -> None:
    written = Variant("calm", instructions="One.\r\nTwo.\rThree.\n", voice="cedar")
    assert written.instructions == "One.\nTwo.\nThree.\n"
    path = written.save(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert Variant.load(path).hash == written.hash


@pytest.mark.parametrize("text", ["", " ", "\n", "\n\n  \n"])
def test_blank_instructions_are_told_from_none(tmp_path: Path, text: str) -> None:
    blank, none = Variant("blank", instructions=text), Variant("none", voice="cedar")
    blank.save(tmp_path)
    none.save(tmp_path)
    assert Variant.load("blank", tmp_path).instructions == text
    assert Variant.load("none", tmp_path).instructions is None


def test_a_file_may_be_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "by hand.md"
    path.write_text(
        "---\n# for the bar\nvoice: cedar  # warm\nmodel: gpt-realtime-2.1\n\nspeed: 1.2 # brisk\n"
        'turn_detection: null\ntranscription: {"model": "gpt-transcribe"} # billed apart\n---\nYou are calm.'
    )
    assert Variant.load("by hand", tmp_path).fields == {
        "instructions": "You are calm.",
        "model": "gpt-realtime-2.1",
        "speed": 1.2,
        "transcription": {"model": "gpt-transcribe"},
        "turn_detection": None,
        "voice": "cedar",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: a variant begins with a line of ---"),
        ("You are calm.", "line 1: a variant begins with a line of ---"),
        ("---\nvoice: cedar\nBe calm.\n", "line 4: the fields never end"),
        ("---\nvoice cedar\n---\n", 'line 2: .* is no field. Right form: voice: "marin"'),
        ("---\nvoice:\n---\n", "line 2: voice has no value. Right form: voice: and JSON on the same line"),
        ("---\nvoice: 'cedar'\n---\n", 'line 2: .* Right form: voice: "cedar"'),
        ("---\nturn_detection: off\n---\n", 'line 2: .* Right form: turn_detection: "off" for the word'),
        ("---\nspeed: NaN2 x\n---\n", "line 2: .* is no value"),
        ("---\nspeed: -Infinity\n---\n", "line 2: .* is no value"),
        ('---\nvoice: cedar\nturn_detection: {"type":\n---\n', "line 3: .* is no value"),
        ("---\nturn_detection:\n  type: semantic_vad\n---\n", "line 2: turn_detection has no value"),
        ("---\ntools: []\n- x\n---\n", "line 3: '- x' belongs to the line above"),
        ("---\nvoice: cedar\nvoice: marin\n---\n", "line 3: voice stands twice, here and on line 2"),
        ("---\ninstructions: |\n  Be calm.\n---\n", "line 2: .* below the second line of ---"),
        ('---\ninstructions: "A"\n---\n\nB\n', "line 2: instructions stand here and on line 5 again"),
        ("---\nvoice: cedar\nvolume: 2\n---\n", "line 3: volume= is no keyword"),
        ("---\nname: calm\n---\n", "line 2: A variant's name is its file's"),
    ],
)
def test_a_broken_file_names_the_line_and_the_way_out(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "calm.md"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"calm.md, {words}"):
        Variant.load(path)


@pytest.mark.parametrize(
    "text", ["voice: zoe", "speed: 9", "temperature: 0.7", "instructions: null", "voice: null"]
)
def test_a_value_that_no_session_takes_names_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calm.md"
    path.write_text(f"---\n# one\n{text}\n---\n")
    with pytest.raises(ProtocolError, match=r"calm\.md, line 3: (temperature|session\.)"):
        Variant.load(path)


def test_fields_that_do_not_go_together_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calm.md"
    path.write_text('---\nvoice: cedar\naudio: {"output": {"voice": "marin"}}\n---\n')
    with pytest.raises(ConfigurationError, match=r"calm\.md: voice= and audio\.output\.voice are the same"):
        Variant.load(path)


def test_a_file_that_is_no_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "calm.md"
    path.write_bytes("---\n---\n\nGrüezi\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"line 4: this is not UTF-8. Save the file as UTF-8"):
        Variant.load(path)


def test_a_missing_variant_names_those_there_are_and_the_one_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Variants there: none\. A new one: rtc\.Variant\(\"calm\""):
        Variant.load("calm", tmp_path / "nowhere")
    CALM.save(tmp_path)
    CALM.replace("brisk").save(tmp_path)
    with pytest.raises(ConfigurationError, match=r"Did you mean 'brisk'\? Variants there: brisk, calm\."):
        Variant.load("brisky", tmp_path)


def test_what_cannot_be_read_or_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "calm.md").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        Variant.load("calm", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written: "):
        CALM.save(tmp_path / "file")


def test_a_variant_never_changes_and_says_what_makes_another() -> None:
    before = CALM.label
    with pytest.raises(AttributeError, match=r"never changes: calm.replace\(voice=…\)"):
        CALM.voice = "cedar"  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"calm.replace\(speed=…\)"):
        CALM.speed = 1.2
    assert (CALM.label, Variant("plain").voice, CALM.replace(voice="marin").voice) == (before, None, "marin")
    assert pickle.loads(pickle.dumps(CALM)) == copy.deepcopy(CALM) == CALM  # noqa: S301 - our own


# -- versions -----------------------------------------------------------------------------------------


def test_saving_a_changed_variant_loses_nothing(tmp_path: Path) -> None:
    second, third = CALM.replace(speed=1.2), CALM.replace(voice="marin")
    for number, variant in enumerate((CALM, second, third), 1):
        variant.save(tmp_path)
        for path in (tmp_path / "versions").glob(f"{CALM.label}.md"):
            os.utime(path, (number, number))
    assert Variant.versions("calm", tmp_path) == [CALM, second, third]
    assert Variant.load("calm", tmp_path) == third
    for variant in (CALM, second, third):
        again = Variant.load(variant.label, tmp_path)
        assert (again, again.name) == (variant, "calm")
        assert Variant.load(f"calm@{variant.hash[:5]}", tmp_path) == variant
    assert Variant.load(tmp_path / "versions" / f"{second.label}.md").name == "calm"


def test_going_back_to_an_earlier_version_counts_it_once(tmp_path: Path) -> None:
    second = CALM.replace(speed=1.2)
    for variant in (CALM, second, CALM):
        variant.save(tmp_path)
    assert Variant.versions("calm", tmp_path) == [second, CALM]


def test_saving_the_same_again_leaves_the_file_and_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "calm.md"
    path.write_text("---\n# warm\nvoice: cedar\n---\n\nBe calm.\n")
    Variant.load(path).save(tmp_path)
    assert "# warm" in path.read_text()
    assert not (tmp_path / "versions").exists()
    Variant("calm", voice="marin").save(tmp_path)
    (kept,) = (tmp_path / "versions").iterdir()
    assert "# warm" in kept.read_text()


def test_a_file_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "calm.md"
    path.write_text("my notes")
    with pytest.raises(ConfigurationError, match=r"line 1: .* not overwritten: repair that file, or move it"):
        CALM.save(tmp_path)
    assert path.read_text() == "my notes"


@pytest.mark.parametrize("begin", ["", "zz"])
def test_a_version_that_is_not_there_lists_those_that_are(tmp_path: Path, begin: str) -> None:
    CALM.save(tmp_path)
    with pytest.raises(ConfigurationError, match=f"There is no version calm@{begin} .*there: {CALM.label}"):
        Variant.load(f"calm@{begin}", tmp_path)


def test_a_hash_too_short_to_tell_versions_apart_is_refused(tmp_path: Path) -> None:
    made = [Variant("calm", speed=1 + number / 100) for number in range(20)]
    for variant in made:
        variant.save(tmp_path)
    firsts = [variant.hash[0] for variant in made]
    twice = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(ConfigurationError, match="There are several versions"):
        Variant.load(f"calm@{twice}", tmp_path)


# -- names --------------------------------------------------------------------------------------------


LETTERS = ["", "x" * 81, "語" * 80, "a/b", "a\\b", "a:b", "a*", "calm@1", "a\nb", "a\0b", "\ud800"]
ENDS = [".", "..", ".calm", "-calm", " calm", "calm ", "calm.", "calm.md", "CON", "nul.old", "Com1"]


@pytest.mark.parametrize("name", [*LETTERS, *ENDS])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a variant"):
        Variant(name)


@pytest.mark.parametrize(
    "name", ["calm", "calm 2", "größer", "v1.2-final_3", "静か", "_x", "नमस्ते", "console"]
)
def test_names_in_any_language_are_files(tmp_path: Path, name: str) -> None:
    Variant(name, voice="cedar").save(tmp_path)
    assert Variant.load(name, tmp_path).name == name


def test_a_name_is_the_same_however_its_accents_are_written() -> None:
    assert Variant("gro\u0308ßer").name == Variant("größer").name


def test_a_name_that_is_no_string_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="7 is no name of a variant: it is a string"):
        Variant(7)  # type: ignore[arg-type]  # what is tested


# -- fields -------------------------------------------------------------------------------------------


def test_fields_are_flat_however_they_are_given() -> None:
    nested = Variant(
        "nested",
        instructions=CALM.instructions,
        audio={"input": {"turn_detection": CALM.fields["turn_detection"]}, "output": {"voice": "cedar"}},
    )
    assert nested.fields == CALM.fields
    assert list(CALM.fields) == ["instructions", "turn_detection", "voice"]
    assert session_fields(**CALM.fields) == session_fields(**nested.fields)
    assert Variant("none").fields == Variant("none", audio={"input": {}}).fields == {}
    assert Variant("off", turn_detection=None).fields == {"turn_detection": None}


def test_a_variant_never_changes() -> None:
    CALM.fields["turn_detection"]["eagerness"] = "high"
    assert CALM.fields["turn_detection"]["eagerness"] == "low"
    with pytest.raises(AttributeError):
        CALM.fields = {}  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Variant("calm", instruction="Be calm."), ConfigurationError, "instructions"),
        (lambda: Variant("calm", any_voice=True), ConfigurationError, "any_voice= is no field"),
        (lambda: Variant("calm", temperature=0.7), ProtocolError, "temperature"),
        (lambda: Variant("calm", voice="zoe"), ProtocolError, "Voices"),
        (lambda: CALM.replace(speed=9), ProtocolError, "speed"),
        (lambda: Variant("calm", instructions="\ud800"), ConfigurationError, "half a character"),
    ],
)
def test_a_field_that_no_session_takes_is_refused(
    make: Callable[[], Variant], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("secret", [{"authorization": "token-1"}, {"headers": {"Authorization": "token-1"}}])
def test_a_secret_of_an_mcp_server_never_gets_into_a_file(secret: dict[str, Any]) -> None:
    tool = {"type": "mcp", "server_label": "shop", "server_url": "https://shop.example/mcp"}
    with pytest.raises(ConfigurationError, match=r"tools\[0\]\.(authorization|headers) may hold") as caught:
        Variant("shop", tools=[{**tool, **secret}])
    assert "token-1" not in str(caught.value)
    assert Variant("shop", tools=[tool]).fields["tools"] == [tool]


def test_a_copy_has_the_fields_that_are_given_and_the_others_as_they_were() -> None:
    brisk = CALM.replace("brisk", speed=1.2, turn_detection={"type": "server_vad"})
    assert brisk.name == "brisk"
    assert brisk.fields == {**CALM.fields, "speed": 1.2, "turn_detection": {"type": "server_vad"}}
    assert CALM.replace(audio={"output": {"voice": "marin"}}).fields["voice"] == "marin"
    assert CALM.replace().name == "calm"
    captions = Variant("captions", type="transcription", turn_detection=None)
    assert captions.replace(transcription={"model": "gpt-live-transcribe"}).fields["type"] == "transcription"


def test_a_copy_may_leave_fields_to_the_session() -> None:
    assert CALM.without("voice", "turn_detection").fields == {"instructions": CALM.instructions}
    with pytest.raises(ConfigurationError, match=r"calm has no field speed\. Its fields: instructions"):
        CALM.without("speed")


def test_the_hash_is_of_the_fields_and_not_of_the_name() -> None:
    assert CALM.replace("quiet") == CALM
    assert CALM.replace("quiet").hash == CALM.hash
    assert hash(CALM.replace("quiet")) == hash(CALM)
    assert CALM.replace(speed=1.0).hash == CALM.replace(speed=1).hash != CALM.hash
    assert Variant("on", parallel_tool_calls=True) != Variant("off", parallel_tool_calls=False)
    assert Variant("none") != Variant("off", turn_detection=None)
    assert CALM.label == f"calm@{CALM.hash}"
    assert CALM != "calm"
    # Hashes stand in logs and file names: they stay as they are from release to release.
    assert Variant("a", voice="cedar", speed=1.0, instructions="Sei ruhig, Zoë.").hash == "c76adcfd"


def test_it_can_be_copied_and_sent_to_other_processes() -> None:
    for other in (copy.deepcopy(CALM), pickle.loads(pickle.dumps(CALM))):  # noqa: S301 - our own
        assert (other, other.label, other.fields) == (CALM, CALM.label, CALM.fields)


# -- shown --------------------------------------------------------------------------------------------


def test_a_diff_names_each_field_and_shows_the_lines_that_change() -> None:
    old = Variant(
        "calm", instructions="You are a barista.\nBe calm. \nSay little.\nBye.", voice="cedar", speed=1
    )
    new = old.replace(
        "brisk",
        instructions="You are a barista.\nBe quick.\nSay little.\nBye.",
        turn_detection=None,
        voice="marin",
    ).without("speed")
    diff = old.diff(new)
    assert diff
    assert str(diff) == (
        f"calm@{old.hash} → brisk@{new.hash}\n"
        "speed: 1 → (not set)\n"
        "turn_detection: (not set) → null\n"
        'voice: "cedar" → "marin"\n'
        "instructions:\n"
        "  You are a barista.\n"
        "- Be calm.·\n"
        "+ Be quick.\n"
        "  Say little.\n"
        "  Bye."
    )
    assert repr(diff) == str(diff)


def test_a_diff_goes_into_fields_and_lists() -> None:
    eager = CALM.replace(turn_detection={"type": "semantic_vad", "eagerness": "high"}, tools=[TOOL])
    lines = CALM.diff(eager).lines
    assert lines[-1] == 'turn_detection.eagerness: "low" → "high"'
    assert lines[0] == "tools: (not set) → set"
    assert '+   "name": "price",' in lines
    renamed = eager.replace(tools=[{**TOOL, "name": "cost"}])
    changed = [line for line in eager.diff(renamed).lines if line[0] in "+-"]
    assert changed == ['-   "name": "price",', '+   "name": "cost",']


def test_far_apart_changes_leave_out_what_lies_between() -> None:
    text = "\n".join(f"line {number}" for number in range(40))
    changed = text.replace("line 3\n", "line three\n").replace("line 35\n", "line thirty-five\n")
    lines = Variant("a", instructions=text).diff(Variant("b", instructions=changed)).lines
    assert lines.count("  …") == 1
    assert len(lines) == 1 + 6 + 1 + 6


def test_no_difference_is_false_and_says_so() -> None:
    same = CALM.diff(CALM.replace("quiet"))
    assert not same
    assert str(same).endswith("\nno difference")


def test_instructions_that_come_or_go_are_a_difference() -> None:
    assert CALM.without("instructions").diff(CALM).lines[0] == "instructions: (not set) → set"
    assert CALM.diff(CALM.without("instructions")).lines[1] == "- You are calm."
    assert Variant("a", instructions="").diff(Variant("b")).lines == ("instructions: set → (not set)", "- ")


def test_in_a_cell_nothing_of_a_prompt_is_html() -> None:
    hostile = Variant("hostile", instructions="<script>alert(1)</script>")
    for shown in (hostile._repr_html_(), CALM.diff(hostile)._repr_html_()):
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown
    diff = CALM.diff(hostile)._repr_html_()
    assert ">- You are calm.</del>" in diff
    assert "alert(1)" in diff


def test_the_repr_is_a_line_that_names_version_and_fields() -> None:
    assert repr(CALM) == (
        f"Variant('calm@{CALM.hash}', instructions=\"You are calm.\\n---\\nvoice: no field\", "
        'turn_detection={"type": "semantic_vad", "eagerness": "l…, voice="cedar")'
    )
    assert "\n" not in repr(Variant("long", instructions="line\n" * 100))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(FIELDS)
def test_as_python_is_the_call_that_makes_it(fields: dict[str, Any]) -> None:
    variant = Variant("calm", **fields)
    call = ast.parse(variant.as_python(), mode="eval").body
    assert isinstance(call, ast.Call)
    assert ast.unparse(call.func) == "rtc.Variant"
    assert [ast.literal_eval(argument) for argument in call.args] == ["calm"]
    assert {str(word.arg): ast.literal_eval(word.value) for word in call.keywords} == variant.fields


def test_as_python_gives_each_line_of_the_instructions_one() -> None:
    assert Variant("calm", instructions="Be calm.\nBe brief.", turn_detection=None).as_python() == (
        "rtc.Variant(\n"
        '    "calm",\n'
        "    instructions=(\n"
        '        "Be calm.\\n"\n'
        '        "Be brief."\n'
        "    ),\n"
        "    turn_detection=None,\n"
        ")"
    )
