"""The loop of our own and the handles over it."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from rtc_widget import ConfigurationError
from rtc_widget._loop import Handle, get_loop, on_loop_thread, submit


async def _answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def test_a_handle_is_awaited_from_another_loop() -> None:
    assert asyncio.get_running_loop() is not get_loop()
    assert await Handle(submit(_answer(4)), "answer") == 4


def test_a_handle_gives_its_result_in_a_script() -> None:
    handle = Handle(submit(_answer(4)), "answer")
    assert handle.result(5) == 4
    assert repr(handle) == "<answer: done>"
    assert handle.exception() is None


def test_result_is_refused_with_the_reason_where_it_would_hang() -> None:
    never = asyncio.run_coroutine_threadsafe(asyncio.Event().wait(), get_loop())
    handle = Handle(never, "wait", forbid_result=lambda: "write `await …`")
    with pytest.raises(ConfigurationError, match="await"):
        handle.result()
    with pytest.raises(ConfigurationError, match="await"):
        handle.exception()
    assert handle.cancel()


def test_result_on_the_loop_s_own_thread_is_refused() -> None:
    handle = Handle(asyncio.run_coroutine_threadsafe(asyncio.Event().wait(), get_loop()), "wait")

    async def inside() -> None:
        assert on_loop_thread()
        handle.result()

    with pytest.raises(ConfigurationError, match="wait for itself"):
        submit(inside()).result(5)
    handle.cancel()


def test_a_handle_keeps_its_error() -> None:
    async def fail() -> None:
        raise ValueError("no")

    handle = Handle(submit(fail()), "fail")
    with pytest.raises(ValueError, match="no"):
        handle.result(5)
    assert isinstance(handle.exception(), ValueError)
    assert "failed: no" in repr(handle)


def test_a_result_that_is_late_names_its_command_and_one_that_timed_out_keeps_its_own_words() -> None:
    handle = Handle(asyncio.run_coroutine_threadsafe(asyncio.Event().wait(), get_loop()), "say")
    with pytest.raises(TimeoutError, match=r"say has not ended within 0\.01 s; it goes on"):
        handle.result(0.01)
    handle.cancel()

    async def late() -> None:
        raise TimeoutError("nobody answered")

    with pytest.raises(TimeoutError, match="nobody answered"):
        Handle(submit(late()), "late").result(5)


def test_there_is_one_loop_for_all_threads() -> None:
    found: list[asyncio.AbstractEventLoop] = []
    threads = [threading.Thread(target=lambda: found.append(get_loop())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(map(id, found)) == {id(get_loop())}


def test_what_leaves_ends_neither_the_loop_nor_what_runs_on_it() -> None:
    async def leave() -> None:
        sys.exit("bye")

    async def in_a_task() -> str:
        task = asyncio.ensure_future(leave())
        await asyncio.wait({task})
        return type(task.exception()).__name__

    with pytest.raises(RuntimeError, match="SystemExit: bye"):
        submit(leave()).result(10)
    assert submit(in_a_task()).result(10) == "SystemExit"
    assert submit(asyncio.sleep(0, "still there")).result(10) == "still there"
