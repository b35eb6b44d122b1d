"""The mcp package is loaded beside the loop, and whole: a loop that imports sends no sound."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.sandbox.mcp_server import weather_server

SERVER = Path(__file__).parent / "server.py"
CALLS = """
import asyncio, json, sys
from rtc_widget._mcp_package import load_mcp, load_mcp_checks
from rtc_widget._mcp_server import McpServer
from rtc_widget.sandbox.remote import call_tool, list_tools

async def main(address, *command):
    await load_mcp()
    await load_mcp_checks()
    before = set(sys.modules)
    remote = {"server_url": address}
    names = [tool["name"] for tool in await list_tools(remote)]
    said = [await call_tool(remote, names[0], '{"city": "Paris"}')]
    for place in (address, command):
        server = McpServer(place)
        names = [tool.name for tool in await server.connect()]
        said += [part.text for part in (await server.call(names[0], {"city": "Paris"})).content]
        await server.close()
    print(json.dumps([said, sorted(set(sys.modules) - before)]))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_once_it_is_loaded_connecting_and_calling_import_nothing_more() -> None:
    async with weather_server() as weather:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CALLS, weather.url, sys.executable, str(SERVER)),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
    said, imported = json.loads(printed)
    assert said == ["It is foggy in Paris."] * 3
    assert imported == []
