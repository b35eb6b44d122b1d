"""What the panel asks of its session, answered without a browser or a call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget._panel import Panel, as_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[rtc.HeadlessSession]:
    monkeypatch.chdir(tmp_path)
    session = rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, instructions="Be a barista.", speed=1.2
    )
    yield session
    session.close()


async def ask(session: rtc.HeadlessSession, method: str, **params: Any) -> dict[str, Any]:
    handler = Panel(session).handler(method)
    assert handler is not None
    return await handler(params)


def test_other_requests_are_not_the_panels(session: rtc.HeadlessSession) -> None:
    assert Panel(session).handler("secret") is None


async def test_the_session_is_shown_as_it_is_asked_for(session: rtc.HeadlessSession) -> None:
    shown = await ask(session, "session")
    assert shown["requested"]["instructions"] == "Be a barista."
    assert (shown["effective"], shown["version"], shown["variant"]) == ({}, 1, None)


async def test_a_key_of_an_mcp_server_is_asked_for_and_in_no_view_of_that(
    session: rtc.HeadlessSession,
) -> None:
    key = "canary-0123456789"
    server = {"type": "mcp", "server_label": "kitchen", "server_url": f"https://example.com/?key={key}"}
    updated = await session.update(tools=[{**server, "authorization": key, "headers": {"X-Key": key}}])
    told = [updated, session.tools, await ask(session, "session"), await ask(session, "as_python")]
    for view in told:
        assert "example.com/?key=***" in repr(view)
        assert key not in repr(view)
    assert session.configuration.requested["tools"][0]["authorization"] == key


async def test_an_update_is_the_sessions_own_and_its_error_too(session: rtc.HeadlessSession) -> None:
    assert await ask(session, "update", fields={"instructions": "Be brief."}) == {}
    assert session.instructions == "Be brief."
    with pytest.raises(rtc.RtcWidgetError, match="temperature"):
        await ask(session, "update", fields={"temperature": 1})


async def test_as_python_makes_the_same_session(session: rtc.HeadlessSession) -> None:
    code = (await ask(session, "as_python"))["code"]
    assert code == (
        "import rtc_widget as rtc\n\n"
        "w = rtc.RealtimeWidget(\n    instructions='Be a barista.',\n    speed=1.2,\n)\nw\n"
    )
    assert "rtc.RealtimeWidget()\n" in as_python({})


async def test_what_is_kept_is_a_file_that_is_listed_and_in_force(
    session: rtc.HeadlessSession, tmp_path: Path
) -> None:
    kept = await ask(session, "keep", name="calm", fields={"instructions": "Be calm.", "voice": "cedar"})
    assert (tmp_path / "variants" / "calm.md").exists()
    assert session.instructions == "Be calm."
    assert (await ask(session, "session"))["variant"] == "calm"
    (listed,) = (await ask(session, "variants"))["variants"]
    assert listed.items() >= kept["variant"].items()
    assert listed["changes"] == []
    assert listed["code"].startswith("rtc.Variant(")
    assert (listed["name"], listed["instructions"], listed["fields"]["voice"]) == (
        "calm",
        "Be calm.",
        "cedar",
    )
    await ask(session, "keep", name="quick", edits={"speed": 1.5})
    assert rtc.Variant.load("quick").fields == {"instructions": "Be calm.", "voice": "cedar", "speed": 1.5}
    await ask(session, "update", fields={"instructions": "Be brief."})
    await ask(session, "update", variant="calm")
    assert session.instructions == "Be calm."


async def test_what_is_kept_has_no_function_of_the_session_and_takes_none_away(
    session: rtc.HeadlessSession,
) -> None:
    @session.tool
    def price() -> float:
        """Look up the price."""
        return 3.2

    theirs = {"type": "mcp", "server_label": "kitchen", "server_url": "https://example.com"}
    await session.update(tools=[price, theirs])
    await ask(session, "keep", name="calm")
    assert [tool.get("name") for tool in rtc.Variant.load("calm").fields["tools"]] == [None, "price"]
    assert [tool.name for tool in session._tools] == ["price"]
    assert "price" not in (await ask(session, "as_python"))["code"]
    await session.update(tools=[price])
    await ask(session, "keep", name="brisk")
    assert "tools" not in rtc.Variant.load("brisk").fields
    assert [tool.name for tool in session._tools] == ["price"]


async def test_deciding_on_a_tool_that_does_not_wait_says_so(session: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ConfigurationError, match="waits for approval"):
        await ask(session, "approve", tool_call_id="call_1", approve=True)


class Prepared(rtc.Sandbox):
    """A sandbox that counts how often it was made ready."""

    n_ready = 0

    async def ready(self) -> None:
        await super().ready()
        self.n_ready += 1


async def test_a_sandbox_starts_when_its_panel_is_seen_so_that_the_first_call_need_not_wait() -> None:
    provider = Prepared()
    widget = rtc.RealtimeWidget(provider=provider, directory=None)
    hello = {"kind": "hello", "page": "p1", "next": 0, "oldest": 0, "live": False, "views": 1}
    for _ in range(2):
        widget._take_message(widget, hello, [])
    assert widget._preparing is not None
    await asyncio.wrap_future(widget._preparing)
    assert provider.base_url.startswith("http://127.0.0.1:")
    assert (provider.n_ready, len(widget.event_log)) == (1, 0)
    widget.close()
