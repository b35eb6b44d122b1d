"""A widget that no page shows: what it says, and how it lets go."""

from __future__ import annotations

import asyncio
import time

import pytest

import rtc_widget as rtc


async def test_hanging_up_ends_a_connect_that_waits_for_a_page() -> None:
    widget = rtc.RealtimeWidget(provider=rtc.Sandbox(), directory=None)
    begin_s = time.monotonic()
    connecting = widget.connect()
    await asyncio.sleep(0.1)
    await widget.hang_up()
    with pytest.raises(rtc.ConnectionFailed, match="hung up before the call was up"):
        await connecting
    assert time.monotonic() - begin_s < 5  # it would wait 10 s for a page
    again = widget.connect()  # nothing is in its way
    await widget.hang_up()
    with pytest.raises(rtc.ConnectionFailed):
        await again
    widget.close()
