"""A chat endpoint answers as the sandbox's brain: clause by clause, with tools, and its failures told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget.sandbox.__main__ import main
from rtc_widget.sandbox.chat import ChatBrain, language_of, messages_of
from rtc_widget.sandbox.pieces import Clauses
from rtc_widget.sandbox.prompt import Prompt, Said
from tests.sandbox.chat_server import KEY, ChatServer, chat_server
from tests.sandbox.inside import inside, text_of
from tests.sandbox.mcp_server import weather_server
from tests.sandbox.service import running
from tests.sandbox.socket_client import socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEXT: dict[str, Any] = {"output_modalities": ["text"]}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


def brain(chat: ChatServer, key: str = KEY) -> ChatBrain:
    return ChatBrain(chat.base_url, "tiny", key)


async def test_a_clause_is_spoken_while_the_next_is_written(chat: ChatServer) -> None:
    async with inside(brain=brain(chat), instructions="Be kind.") as talk:
        talk.say("Hello?")
        talk.send("response.create")
        await talk.wait_for("output_audio_buffer.started")
        begun = [event["delta"] for event in talk.events if event["type"].endswith("transcript.delta")]
        assert "You asked".startswith("".join(begun)[:9])
        chat.goes_on.set()
        done = await talk.wait_for("response.done")
        assert text_of(done["response"]) == "You asked something. That is all."
        await talk.wait_for("output_audio_buffer.stopped")
    asked = chat.requests[0]
    assert (asked["model"], asked["stream"]) == ("tiny", True)
    assert "tools" not in asked
    system, user = asked["messages"]
    assert system["content"].startswith("Be kind.")
    assert user == {"role": "user", "content": "Hello?"}


async def test_an_interrupted_answer_hangs_up_on_the_endpoint(chat: ChatServer) -> None:
    async with inside(brain=brain(chat)) as talk:
        talk.say("Hello?")
        talk.send("response.create")
        await talk.wait_for("response.output_audio_transcript.delta")
        talk.send("response.cancel")
        done = await talk.wait_for("response.done")
        assert done["response"]["status"] == "cancelled"
        await asyncio.wait_for(chat.is_left.wait(), 10)


async def test_the_model_calls_a_function_and_is_told_its_result(chat: ChatServer) -> None:
    chat.goes_on.set()
    async with inside(brain=brain(chat), tools=[WEATHER], **TEXT) as talk:
        talk.say("How is Oslo?")
        call = (await talk.answer())["output"][0]
        assert (call["name"], call["arguments"]) == ("get_weather", '{"city": "Oslo"}')
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Foggy."}
        talk.send("conversation.item.create", item=output)
        assert text_of(await talk.answer()) == "The tool has spoken. That is all."
    asked, told = chat.requests
    assert asked["tools"][0]["function"]["parameters"] == WEATHER["parameters"]
    assert asked["tool_choice"] == "auto"
    called, result = told["messages"][-2:]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"] == call["call_id"]
    assert result["content"] == "Foggy."


async def test_the_model_calls_a_servers_tool(chat: ChatServer) -> None:
    chat.goes_on.set()
    async with (
        weather_server() as weather,
        inside(brain=brain(chat), tools=[weather.tool(require_approval="never")], **TEXT) as talk,
    ):
        await talk.wait_for("mcp_list_tools.completed")
        talk.say("How is Oslo?")
        await talk.answer(tool_choice={"type": "mcp", "server_label": "weather", "name": "get_weather"})
        await talk.wait_for("response.mcp_call.completed")
        assert text_of(await talk.answer()) == "The tool has spoken. That is all."
        assert weather.cities == ["Oslo"]
    assert chat.requests[0]["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert chat.requests[1]["messages"][-1]["content"] == "It is foggy in Oslo."


async def test_a_failure_is_told_without_the_key(chat: ChatServer) -> None:
    async with inside(brain=brain(chat, "sk-wrong-canary"), **TEXT) as talk:
        talk.say("Hello?")
        failed = await talk.answer()
        error = failed["status_details"]["error"]
        assert (failed["status"], error["code"]) == ("failed", "brain_failed")
        assert "HTTP 401" in error["message"]
        assert "wrong key" in error["message"]
        assert "canary" not in error["message"]
        assert "canary" not in repr(talk.session.brain)


async def test_an_endpoint_that_is_not_there_is_named() -> None:
    async with inside(brain=ChatBrain("http://127.0.0.1:9/v1", "tiny"), **TEXT) as talk:
        talk.say("Hello?")
        assert (await talk.answer())["status_details"]["error"]["code"] == "brain_failed"


def test_what_the_ears_did_not_make_out_is_said_in_brackets() -> None:
    items = [
        Said("user", "", ["a PNG image"]),
        Said("user", "", without_words="silence"),
        Said("call", "{}", name="f", tool_call_id="call_lost"),
        Said("tool", "1", name="g", tool_call_id="item_1", arguments="{}"),
        Said("other", ""),
    ]
    contents = [message["content"] for message in messages_of(Prompt("Be kind.", items))]
    assert contents[1:3] == [
        "(a PNG image, which you cannot see)",
        "(The user made a sound, but said no words.)",
    ]
    assert contents[3:] == [None, "1"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It is a fine day.", "en"),
        ("Il fait beau et le soleil est dans le ciel.", "fr"),
        ("El sol está en el cielo y hay luz.", "es"),
        ("Die Sonne ist nicht auf dem Dach.", "de"),
        ("Paris!", "en"),
    ],
)
def test_a_language_is_known_by_its_little_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_text_is_cut_while_it_grows() -> None:
    clauses = Clauses()
    text = "Well, that is how it goes, my friend. Pi is 3.14 or so! Is it? Yes"
    found = [clause for letter in text for clause in clauses.feed(letter)]
    assert found == ["Well, that is how it goes,", "my friend.", "Pi is 3.14 or so!", "Is it?"]
    assert clauses.flush() == ["Yes"]
    assert clauses.flush() == []


async def test_the_service_is_started_with_a_model_for_its_brain(
    chat: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.goes_on.set()
    monkeypatch.setenv("RTC_SANDBOX_BRAIN_KEY", KEY)
    with running(tmp_path / "stderr.log", "--brain", chat.base_url, "--model", "tiny") as service:
        async with socket(service, "model=sandbox") as client:
            await client.answer("Hello?", **TEXT)
            done = await client.wait_for("response.done")
    assert text_of(done["response"]) == "You asked something. That is all."
    assert KEY not in (tmp_path / "stderr.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--brain", "http://x/v1"], "--model"),
        (["--model", "tiny"], "--brain"),
        (["--brain", "x", "--model", "tiny"], "URL"),
        (["--brain", "http://x/v1", "--model", "tiny", "--rules", "r.toml"], "not both"),
    ],
)
def test_half_a_brain_is_refused(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", *arguments]) == 2
    assert says in capsys.readouterr().err
