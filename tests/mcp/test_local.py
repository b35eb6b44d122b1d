"""Local MCP servers: real processes, over stdio and streamable HTTP, whose tools the real sandbox calls."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget import ConfigurationError, ConnectionFailed
from rtc_widget._mcp_server import McpServer, _last_words
from rtc_widget._mcp_servers import _prefix_of
from rtc_widget._mcp_tool import tool_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CANARY = "canary-token-4714"
SERVER = Path(__file__).parent / "server.py"
COMMAND = [sys.executable, str(SERVER)]
NAMES = [f"test_kitchen_{name}" for name in ("weather", "price", "environment", "opening", "departure")]


@pytest.fixture
async def session() -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, output_modalities=["text"]
    ) as session:
        yield session


@pytest.fixture
def address() -> Iterator[str]:
    """Serve at a port while a test lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*COMMAND, "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("running on" in line for line in process.stderr), "it did not start"
        yield f"http://127.0.0.1:{port}/mcp"
        process.terminate()


def declared(session: rtc.Session) -> list[str]:
    return [tool["name"] for tool in session.conversation.session["tools"]]


async def test_the_tools_of_a_command_are_called_and_taken_away(session: rtc.HeadlessSession) -> None:
    names = await session.add_mcp(COMMAND)
    assert names == NAMES == declared(session)
    turn = await session.say("What is the weather?")
    assert "foggy in London" in turn.transcript
    call = turn.tool_calls.iloc[0]
    assert (call["name"], call["output"]) == ("test_kitchen_weather", "It is foggy in London.")
    await session.remove_mcp("test_kitchen")
    assert declared(session) == []
    assert "foggy" not in (await session.say("What is the weather?")).transcript


async def test_a_server_at_an_address_is_the_same(session: rtc.HeadlessSession, address: str) -> None:
    names = await session.add_mcp(address, name="far")
    assert "far_weather" in names
    assert "foggy" in (await session.say("What is the weather?")).transcript
    await session.remove_mcp(address)
    assert declared(session) == []


async def test_what_a_tool_says_went_wrong_goes_to_the_model_and_the_frame(
    session: rtc.HeadlessSession,
) -> None:
    await session.add_mcp(COMMAND)
    turn = await session.say("What is the price?")
    call = turn.tool_calls.iloc[0]
    assert "no tea today" in call["error"]
    assert "no tea today" in call["output"]
    assert list(session.errors["source"]) == ["tool"]


async def test_a_server_that_dies_is_an_error_of_its_tool_and_can_be_added_again(
    session: rtc.HeadlessSession,
) -> None:
    await session.add_mcp(COMMAND, timeout=10)
    turn = await session.say("When is the departure?")
    assert "is gone. It said: the kitchen is closed" in turn.tool_calls["error"].iloc[0]
    again = await session.say("What is the weather?")
    assert again.tool_calls["error"].notna().all()
    await session.remove_mcp(COMMAND)
    await session.add_mcp(COMMAND)
    assert "foggy" in (await session.say("What is the weather?")).transcript


async def test_an_error_of_a_server_that_is_there_is_not_taken_for_its_end(
    session: rtc.HeadlessSession,
) -> None:
    await session.add_mcp(COMMAND)
    turn = await session.say("When is the opening?")
    assert "the kitchen is closed today" in turn.tool_calls["error"].iloc[0]
    assert "gone" not in turn.tool_calls["error"].iloc[0]
    assert "foggy" in (await session.say("What is the weather?")).transcript


async def test_how_long_a_call_took_is_noted(session: rtc.HeadlessSession) -> None:
    await session.add_mcp(COMMAND)
    call = (await session.say("What is the weather?")).tool_calls.iloc[0]
    assert 0 < call["run_ms"] <= call["t_finished_ms"] - call["t_started_ms"]


async def test_no_server_outlives_a_session_that_is_closed() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    coming = session.add_mcp(COMMAND)
    await session.close()
    with pytest.raises(ConfigurationError, match="closed before"):
        await coming
    with pytest.raises(ConfigurationError, match="This session is closed"):
        session.add_mcp(COMMAND)


@pytest.fixture
def silent(tmp_path: Path) -> tuple[list[str], Path]:
    """Return the command of a server that never answers, and the file that it writes its process id to."""
    kept = tmp_path / "pid"
    code = (
        "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(f'{os.getpid()}.'); "
        "sys.stdin.readline(); time.sleep(90)"
    )
    return [sys.executable, "-c", code, str(kept)], kept


def started(kept: Path) -> int:
    """Return the id of the process that writes it to a file."""
    while not (kept.exists() and kept.read_text().endswith(".")):
        time.sleep(0.02)
    return int(kept.read_text()[:-1])


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_server_whose_adding_is_cancelled_ends_with_the_session(
    silent: tuple[list[str], Path],
) -> None:
    command, kept = silent
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    coming = session.add_mcp(command)
    process = await asyncio.wait_for(asyncio.to_thread(started, kept), 20)
    coming.cancel()
    await session.close()
    assert not runs(process)


async def test_a_server_that_is_on_its_way_ends_with_the_session(silent: tuple[list[str], Path]) -> None:
    command, kept = silent
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    coming = session.add_mcp(command)
    process = await asyncio.wait_for(asyncio.to_thread(started, kept), 20)
    await session.close()
    assert not runs(process)
    with pytest.raises(ConfigurationError, match="closed before"):
        await asyncio.wait_for(coming, 1)


async def test_a_server_whose_adding_is_cancelled_ends_while_the_session_goes_on(
    session: rtc.HeadlessSession, silent: tuple[list[str], Path]
) -> None:
    command, kept = silent
    coming = session.add_mcp(command)
    process = await asyncio.wait_for(asyncio.to_thread(started, kept), 20)
    coming.cancel()
    for _ in range(100):
        if not runs(process):
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("it runs still")
    assert declared(session) == []
    assert await session.add_mcp(COMMAND) == NAMES


async def test_a_call_that_needs_approval_waits_for_it(session: rtc.HeadlessSession) -> None:
    def only_weather(name: str, arguments: dict[str, Any]) -> bool:
        return name == "weather" and isinstance(arguments, dict)

    await session.add_mcp(COMMAND, needs_approval=only_weather)
    handle = session.say("What is the weather?")
    asked = await session.wait_for("rtc.approval", since=0)
    session.approve(asked["tool_call_id"])
    turn = await handle
    assert list(turn.tool_calls["approval"]) == ["approved"]
    assert "foggy" in turn.transcript


async def test_no_key_goes_to_a_server(session: rtc.HeadlessSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    await session.add_mcp(COMMAND)
    turn = await session.say("How is the environment?")
    output = str(turn.tool_calls["output"].iloc[0])
    assert "PATH" in output
    assert "OPENAI_API_KEY" not in output


async def test_servers_go_with_the_session() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    await session.add_mcp(COMMAND)  # before the first call
    async with session:
        assert declared(session) == NAMES
        (server, _) = session._mcp._servers["test_kitchen"]
        living = server._living
    assert living is not None
    assert living.done()


async def test_a_name_that_is_taken_is_refused_and_another_one_helps(session: rtc.HeadlessSession) -> None:
    await session.add_mcp(COMMAND)
    with pytest.raises(ConfigurationError, match="another name"):
        await session.add_mcp(COMMAND)
    assert "second_weather" in await session.add_mcp(COMMAND, name="second")
    assert len(declared(session)) == 2 * len(NAMES)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ([*COMMAND, "--broken"], "kitchen is on fire"),
        (["/no/such/command"], "is not there"),
        ("http://127.0.0.1:9/mcp", r"at 127\.0\.0\.1:9 is not there"),
    ],
)
async def test_a_server_that_is_not_there_is_told_with_its_last_words(
    session: rtc.HeadlessSession, server: Any, words: str
) -> None:
    with pytest.raises(ConnectionFailed, match=words) as caught:
        await session.add_mcp(server)
    assert caught.value.step == "mcp"
    assert declared(session) == []


@pytest.mark.parametrize(
    "place", [f"user:{CANARY}@{{}}/mcp", f"{{}}/mcp?api_key={CANARY}", "{}/mcp?key=pass-1"]
)
async def test_a_key_in_an_address_is_in_no_log_of_the_http_library(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    caplog.set_level(logging.DEBUG)
    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectionFailed):
            await McpServer("http://" + place.format(host)).connect()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("http", "mcp"))]
    assert any("401 No" in line for line in lines)
    assert not [line for line in lines if CANARY in line or "pass-1" in line]


async def test_what_a_server_prints_that_is_no_message_is_told_once_and_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    printing = f"import runpy; print('token={CANARY}'); print('[4714]', flush=True); "
    serving = f"runpy.run_path({str(SERVER)!r}, run_name='__main__')"
    for _ in range(2):
        server = McpServer((sys.executable, "-c", printing + serving))
        tools = await server.connect()
        await server.close()
        assert tools
        (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("mcp")]
        assert told.startswith("An MCP server writes to its stdout what is no message")
        assert CANARY not in caplog.text
        assert "4714" not in caplog.text
        caplog.clear()


async def test_an_answer_of_a_server_that_cannot_be_read_is_in_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(CANARY)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{CANARY}".encode())
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        server = McpServer(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp")
        with pytest.raises(ConnectionFailed):
            await server.connect()
    assert "Error parsing JSON response" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "word",
    [f"--token={CANARY}", f"--header=Authorization:Bearer {CANARY}", f"KEY:{CANARY}", f"-H=X: {CANARY}"],
)
def test_a_value_in_a_word_of_a_command_is_not_in_its_last_words(word: str) -> None:
    said = io.StringIO(f"server.py: 401 from upstream, {CANARY} was refused, and so was {word}")
    words = _last_words(said, ("python", "server.py", word, "--config=server.json"))
    assert words == "server.py: 401 from upstream, […] was refused, and so was […]"


async def test_the_words_of_a_command_after_its_file_are_in_no_error(session: rtc.HeadlessSession) -> None:
    command = [*COMMAND, "--broken", "--token", CANARY]
    with pytest.raises(ConnectionFailed, match=r"python\S* \S*server\.py") as failed:
        await session.add_mcp(command)
    with pytest.raises(ConfigurationError, match=r"no MCP server '\S*python\S* \S*server\.py'") as removed:
        session.remove_mcp(command)
    with pytest.raises(ConfigurationError, match="not 3") as refused:
        session.add_mcp([*command, 3])  # type: ignore[list-item]
    with pytest.raises(ConnectionFailed) as absent:
        await session.add_mcp(["/no/such/server", CANARY])
    loud = [sys.executable, "-c", "import sys; sys.exit('bad key ' + ' '.join(sys.argv[1:]))", CANARY]
    with pytest.raises(ConnectionFailed, match="It said: bad key") as told:
        await session.add_mcp([*loud, "sk-proj-canary4711"])
    with pytest.raises(ConnectionFailed, match="It said: bad key") as named:
        await session.add_mcp(
            [*loud[:2], loud[2].replace("argv[1:]", "argv[1].split('=')"), f"--key={CANARY}"]
        )
    said = [str(error.value) for error in (failed, removed, refused, absent, told, named)]
    everything = "".join([*said, *session.errors["message"]])
    assert CANARY not in everything
    assert "canary4711" not in everything


@pytest.mark.parametrize("server", ["", "  ", [], None, 3, 'python "server.py', ["python", 3]])
def test_what_names_no_server_is_refused(server: Any) -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(ConfigurationError, match="Right form"):
        session.add_mcp(server)
    session.close()


def test_what_was_not_added_cannot_be_removed() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(ConfigurationError, match="There is no MCP server 'kitchen'"):
        session.remove_mcp("kitchen")
    session.close()


def test_tools_that_would_be_called_the_same_get_a_mark() -> None:
    names = {tool_name("kitchen", own, marked=True) for own in ("get.item", "get_item", "天气", "温度")}
    assert len(names) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names)


def test_a_server_whose_name_begins_with_a_digit_has_a_prefix_all_the_same() -> None:
    assert _prefix_of("3d-printer") == "d-printer"
    assert _prefix_of("42") == "mcp"


def test_names_are_what_the_api_takes() -> None:
    assert tool_name("a", "files/read.it") == "a_files_read_it"
    long = [tool_name("a", "x" * 80 + end) for end in "12"]
    assert [len(name) for name in long] == [64, 64]
    assert long[0] != long[1]


async def test_connecting_while_cells_of_other_loops_come_and_go() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    names = await asyncio.to_thread(lambda: session.add_mcp(COMMAND).result(30))
    assert names == NAMES
    session.close()
