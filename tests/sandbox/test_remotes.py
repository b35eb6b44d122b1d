"""Tools of a real MCP server are listed, called, and called once the user has approved."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget.sandbox.remotes import _matches
from tests.sandbox.events import of_type, types
from tests.sandbox.inside import Inside, inside, text_of
from tests.sandbox.mcp_server import TOKEN, Weather, weather_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.events import Event

TEXT: dict[str, Any] = {"output_modalities": ["text"]}
QUESTION = "What is the weather in London?"
CALL = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.output_item.done",
]


@pytest.fixture
async def weather() -> AsyncIterator[Weather]:
    async with weather_server() as server:
        yield server


async def listed(talk: Inside) -> Event:
    """Return the item that lists the tools, once it is there."""
    await talk.wait_for("mcp_list_tools.completed")
    item: Event = talk.last("conversation.item.done")["item"]
    return item


async def answered(talk: Inside, event: str = "response.mcp_call.completed") -> Event:
    """Return the item of the call, once the server has answered."""
    since = talk.events.index(await talk.wait_for(event))
    item: Event = (await talk.wait_for("conversation.item.done", since))["item"]
    return item


async def test_the_tools_are_listed_when_the_session_begins(weather: Weather) -> None:
    async with inside(tools=[weather.tool()], **TEXT) as talk:
        item = await listed(talk)
        assert types(talk.events) == [
            "session.created",
            "conversation.item.added",
            "mcp_list_tools.in_progress",
            "conversation.item.done",
            "mcp_list_tools.completed",
        ]
        assert talk.events[0]["session"]["tools"][0]["require_approval"] == "always"
        talk.send("conversation.item.retrieve", item_id=talk.last("mcp_list_tools.completed")["item_id"])
        assert talk.last("conversation.item.retrieved")["item"] == item
    assert (item["type"], item["server_label"]) == ("mcp_list_tools", "weather")
    tool = item["tools"][0]
    assert (tool["name"], tool["description"]) == ("get_weather", "Look up the weather for a city.")
    assert tool["input_schema"]["required"] == ["city"]
    assert tool["annotations"] == {"readOnlyHint": True}


async def test_a_call_is_made_without_asking_and_told_in_the_next_response(weather: Weather) -> None:
    async with inside(**TEXT) as talk:
        await talk.wait_for("session.created")
        tools = [weather.tool(require_approval="never")]
        talk.send("session.update", session={"type": "realtime", "tools": tools})
        await listed(talk)
        talk.say(QUESTION)
        since = len(talk.events)
        response = await talk.answer()
        call = await answered(talk)
        order = [kind for kind in types(talk.events[since:]) if kind != "rate_limits.updated"]
        assert text_of(await talk.answer()) == "Get weather says: It is foggy in London."
    assert order == [
        *CALL,
        "response.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "conversation.item.done",
    ]
    assert response["output"][0]["type"] == "mcp_call"
    assert json.loads(call["arguments"]) == {"city": "London"}
    assert call["output"] == "It is foggy in London."
    assert weather.cities == ["London"]


async def test_an_approved_call_is_made_and_a_refused_one_is_not(weather: Weather) -> None:
    async with inside(tools=[weather.tool()], **TEXT) as talk:
        await listed(talk)
        talk.say(QUESTION)
        since = len(talk.events)
        response = await talk.answer()
        assert [kind for kind in types(talk.events[since:]) if kind.endswith((".done", ".added"))] == [
            "response.output_item.added",
            "conversation.item.added",
            "response.mcp_call_arguments.done",
            "response.output_item.done",
            "conversation.item.added",
            "conversation.item.done",
            "response.done",
        ]
        request = talk.last("conversation.item.done")["item"]
        assert (request["type"], request["name"]) == ("mcp_approval_request", "get_weather")
        assert weather.cities == []
        # As the Agents SDK sends it: behind the request, and without an id.
        approval = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}
        talk.send("conversation.item.create", item=approval, previous_item_id=request["id"])
        call = await answered(talk)
        assert call["id"] == response["output"][0]["id"]
        assert call["approval_request_id"] == request["id"]
        assert text_of(await talk.answer()) == "Get weather says: It is foggy in London."
        talk.send("conversation.item.create", item=approval)
        assert talk.error()["code"] == "invalid_approval_request_id"

        talk.say("And the weather in Oslo?")
        await talk.answer()
        refusal = {**approval, "approve": False, "reason": "too cold"}
        refusal["approval_request_id"] = talk.last("conversation.item.done")["item"]["id"]
        talk.send("conversation.item.create", item=refusal)
        call = await answered(talk, "response.mcp_call.failed")
        assert call["error"]["message"] == "The user did not approve the call: too cold"
        assert "did not approve" in text_of(await talk.answer())
    assert weather.cities == ["London"]


async def test_the_user_is_asked_about_the_tools_that_the_policy_names(weather: Weather) -> None:
    policy = {"never": {"read_only": True}}
    async with inside(tools=[weather.tool(require_approval=policy)], **TEXT) as talk:
        await listed(talk)
        talk.say(QUESTION)
        await talk.answer()
        await answered(talk)
        talk.say("Break the umbrella.")
        await talk.answer()
        assert talk.last("conversation.item.done")["item"]["type"] == "mcp_approval_request"


async def test_a_response_may_bring_a_server_of_its_own(weather: Weather) -> None:
    async with inside(**TEXT) as talk:
        talk.say(QUESTION)
        tools = [weather.tool(require_approval="never", allowed_tools=["get_weather"])]
        choice = {"type": "mcp", "server_label": "weather", "name": "get_weather"}
        response = await talk.answer(tools=tools, tool_choice=choice)
        assert response["output"][0]["name"] == "get_weather"
        assert (await answered(talk))["output"] == "It is foggy in London."
        assert (await talk.ask("And the weather in Oslo?")).startswith("You said")


async def test_a_tool_that_fails_says_why(weather: Weather) -> None:
    async with inside(tools=[weather.tool(require_approval="never")], **TEXT) as talk:
        await listed(talk)
        talk.say("Break the umbrella by the handle.")
        await talk.answer()
        call = await answered(talk, "response.mcp_call.failed")
        assert call["error"]["type"] == "tool_execution_error"
        assert "output" not in call


async def test_a_server_that_does_not_answer_fails_the_call_and_the_listing(weather: Weather) -> None:
    async with inside(tools=[weather.tool(require_approval="never")], **TEXT) as talk:
        await listed(talk)
        # The server has moved since its tools were listed.
        talk.session.remotes._listings["weather"].server["server_url"] = weather.url.replace("/mcp", "/none")
        talk.say(QUESTION)
        await talk.answer()
        call = await answered(talk, "response.mcp_call.failed")
        problem = {"type": "http_error", "code": 404, "message": "The MCP server answered with HTTP 404."}
        assert call["error"] == problem
        nobody = {"type": "mcp", "server_label": "other", "server_url": "http://127.0.0.1:9/mcp"}
        since = len(talk.events)
        talk.send("session.update", session={"type": "realtime", "tools": [nobody]})
        failed = await talk.wait_for("mcp_list_tools.failed", since)
        assert failed["item_id"] == talk.last("mcp_list_tools.in_progress")["item_id"]


async def test_the_key_to_a_server_reaches_it_and_nobody_else() -> None:
    async with weather_server(guarded=True) as server:
        tools = [server.tool(authorization=TOKEN, headers={"X-Secret": "canary-41"})]
        async with inside(tools=tools, **TEXT) as talk:
            await listed(talk)
            talk.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
            assert server.headers["x-secret"] == "canary-41"
            assert of_type(talk.events, "session.updated")
            sent = json.dumps(talk.events)
            assert TOKEN not in sent
            assert "canary-41" not in sent
        async with inside(tools=[server.tool(authorization="wrong")], **TEXT) as talk:
            await talk.wait_for("mcp_list_tools.failed")


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.client.streamable_http", None)
    nobody = {"type": "mcp", "server_label": "other", "server_url": "http://127.0.0.1:9/mcp"}
    async with inside(tools=[nobody], **TEXT) as talk:
        await talk.wait_for("mcp_list_tools.failed")
        assert "pip install 'rtc_widget[mcp]'" in talk.error()["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "session.tools[0].server_url"),
        ({"connector_id": "connector_gmail"}, "session.tools[0]"),
        ({"server_url": "weather"}, "session.tools[0].server_url"),
        (
            {"server_url": "http://127.0.0.1:9", "require_approval": "maybe"},
            "session.tools[0].require_approval",
        ),
    ],
)
async def test_a_server_that_cannot_be_reached_is_refused(fields: Event, param: str) -> None:
    async with inside() as talk:
        tools = [{"type": "mcp", "server_label": "x", **fields}]
        talk.send("session.update", session={"type": "realtime", "tools": tools})
        assert talk.error()["param"] == param


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (["a", "b"], True),
        (["b"], False),
        ({"tool_names": ["a"]}, True),
        ({"tool_names": ["b"], "read_only": True}, False),
        ({"read_only": True}, True),
        ({"read_only": False}, False),
        ({}, True),
    ],
)
def test_a_filter_takes_tools_by_name_and_by_whether_they_only_read(wanted: Any, *, matches: bool) -> None:
    assert _matches(wanted, {"name": "a", "annotations": {"readOnlyHint": True}}) is matches
