"""The brain follows its rules: those that come with it, and those of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.brain import RuleBrain
from rtc_widget.sandbox.calling import calls_for
from rtc_widget.sandbox.prompt import Fail, Prompt, Said, Say, Wait

if TYPE_CHECKING:
    from pathlib import Path

BRAIN = RuleBrain()


def answer(text: str, instructions: str = "") -> Say:
    action = BRAIN.decide(Prompt(instructions, [Said("user", text)]))[-1]
    assert isinstance(action, Say)
    return action


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Answer in one word.", "White."),
        ("One word.", "White."),
        ("You are a barista. Only one word!", "White."),
        ("You give one-word answers.", "White."),
        ("Use exactly one word, with one word only: reply with a single word.", "White."),
        ("Start with the word Certainly, then go on.", "Certainly. You said: A flat white."),
        ('Begin with "Of course," every time.', "Of course, You said: A flat white."),
        ("Please always respond in French.", "Vous avez dit : A flat white."),
        ("You talk in German only.", "Sie haben gesagt: A flat white."),
        ("You are a French teacher.", "You said: A flat white."),
        ("You work in a fast food restaurant with slow service.", "You said: A flat white."),
    ],
)
def test_instructions_shape_the_answer(instructions: str, said: str) -> None:
    assert answer("A flat white.", instructions).text == said


def test_one_word_may_be_a_number_as_it_was_given() -> None:
    assert answer("It is 12.75, please.", "Answer in one word.").text == "12.75."


@pytest.mark.parametrize(
    ("instructions", "language", "speed"),
    [
        ("Speak slowly.", "en", 0.7),
        ("Answer quickly, in Spanish.", "en", 1.35),
        ("Reply in Spanish. Talk faster.", "es", 1.35),
        ("You are a fast-food barista.", "en", 1.0),
    ],
)
def test_instructions_choose_the_voice(instructions: str, language: str, speed: float) -> None:
    said = answer("Hello.", instructions)
    assert (said.language, said.speed) in {(language, speed), ("es", speed)}


@pytest.mark.parametrize(
    ("instructions", "after_ms"),
    [
        ("Answer 1500 ms after the user.", 1500),
        ("Please always reply in one word, 900 milliseconds after the last word of the user.", 900),
        ("Answer within 300 ms, after which you are silent.", None),
        ("Answer.\nBoats leave 500 ms after noon.", None),
    ],
)
def test_instructions_choose_how_long_after_the_user_the_answer_comes(
    instructions: str, after_ms: float | None
) -> None:
    assert answer("Hello.", instructions).after_ms == after_ms


def test_system_messages_are_instructions_too() -> None:
    items = [Said("system", "Your name is Robin."), Said("user", "What is your name?")]
    assert BRAIN.decide(Prompt("", items)) == [Say("My name is Robin.")]


def test_what_a_pause_split_is_one_input() -> None:
    items = [Said("user", "Old.", is_answered=True), Said("user", "What is"), Said("user", "your name?")]
    assert "sandbox" in str(BRAIN.decide(Prompt("", items)))


def test_what_was_answered_is_not_answered_again() -> None:
    items = [Said("user", "Fail with error.", is_answered=True), Said("user", "Hello.")]
    assert BRAIN.decide(Prompt("", items)) == [Say("You said: Hello.")]


@pytest.mark.parametrize(
    ("why", "words"), [("silence", "no words"), ("deaf", "no speech recognition"), ("timeout", "still there")]
)
def test_without_words_it_says_so(why: str, words: str) -> None:
    actions = BRAIN.decide(Prompt("", [Said("user", "", without_words=why)]))
    assert words in str(actions)


def test_the_same_prompt_has_the_same_answer() -> None:
    prompt = Prompt("Answer in one word.", [Said("user", "Tell me a story.")])
    assert BRAIN.decide(prompt) == BRAIN.decide(prompt)


def test_a_file_of_rules_says_calls_waits_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        """
        [[answer]]
        input = "^order (?P<what>.+)$"
        tool = "place_order"
        arguments = '{"drink": "{what}"}'

        [[answer]]
        input = "think"
        wait = 1.5
        say = "Done thinking."

        [[answer]]
        input = "break"
        instructions = "fragile"
        fail = "overloaded"
        message = "Too much."
        """
    )
    brain = RuleBrain(path)

    def decide(text: str, instructions: str = "", tools: tuple[Any, ...] = ()) -> list[Any]:
        return list(brain.decide(Prompt(instructions, [Said("user", text)], tools)))

    call = decide("order tea", tools=({"type": "function", "name": "place_order"},))[0]
    assert (call.name, call.arguments) == ("place_order", '{"drink": "tea"}')
    assert decide("order tea") == [Say("You said: order tea.")]
    assert decide("think") == [Wait(1.5), Say("Done thinking.")]
    assert decide("break", "You are fragile.") == [Fail("overloaded", "Too much.")]
    assert decide("break") == [Say("You said: break.")]


@pytest.mark.parametrize(
    "text",
    [
        "[[answer]",
        '[[answer]]\ninput = "("',
        '[[answer]]\nspeak = "x"',
        '[[style]]\nlanguage = "tlh"',
        "answer = 3",
    ],
)
def test_a_file_that_holds_no_rules_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"rules\.toml"):
        RuleBrain(path)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none"):
        RuleBrain(tmp_path / "none.toml")


def tool(
    name: str, description: str = "", required: tuple[str, ...] = (), **properties: Any
) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "name": name, "description": description, "parameters": parameters}


@pytest.mark.parametrize(
    ("text", "declared", "arguments"),
    [
        ("What's the weather in Paris?", tool("getWeather", city={"type": "string"}), '{"city": "Paris"}'),
        ("Set a timer for five minutes.", tool("set_timer", minutes={"type": "integer"}), '{"minutes": 5}'),
        ("Add 2.5 kilos to the cart", tool("cart_add", kilos={"type": "number"}), '{"kilos": 2.5}'),
        (
            "Order a large tea without sugar.",
            tool("order", size={"enum": ["small", "large"]}, sugar={"type": "boolean"}),
            '{"size": "large", "sugar": false}',
        ),
        (
            "Play some jazz.",
            tool("play", what={"type": "array", "items": {"type": "string"}}),
            '{"what": ["jazz"]}',
        ),
        (
            "Open the door.",
            tool("open", required=("which",), which={"anyOf": [{"type": "null"}, {"type": "string"}]}),
            '{"which": "door"}',
        ),
        ("Roll the dice.", tool("roll", required=("sides",), sides={"type": "integer"}), '{"sides": 1}'),
    ],
)
def test_arguments_are_taken_from_the_words(text: str, declared: dict[str, Any], arguments: str) -> None:
    assert [call.arguments for call in calls_for(text, [declared], "auto")] == [arguments]


def test_two_words_of_a_description_are_enough() -> None:
    declared = tool("f1", "Sends an email to a colleague.")
    assert calls_for("Could you email my colleague?", [declared], "auto")
    assert not calls_for("Could you call my colleague?", [declared], "auto")


def test_a_required_call_is_made_whatever_is_said() -> None:
    assert calls_for("Hello.", [tool("weather")], "required")
    assert not calls_for("weather", [], "required")
