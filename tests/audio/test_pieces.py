"""Sounds and streams come in small pieces at the rate of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.pieces import pieces_of
from tests.audio.signals import strength, tone, tone16

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def given(*pieces: Any) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


async def joined(source: Any, from_hz: int, to_hz: int = 48_000) -> Any:
    return np.concatenate([piece async for piece in pieces_of(source, from_hz, to_hz)])


@pytest.mark.parametrize("from_hz", [8_000, 24_000, 44_100, 48_000])
async def test_a_sound_is_all_there_at_the_other_rate(from_hz: int) -> None:
    samples = await joined(tone16(440, from_hz).tobytes(), from_hz)
    assert len(samples) == 48_000
    assert strength(samples, 440, 48_000) > 0.999


async def test_pieces_are_short() -> None:
    sizes = [len(piece) async for piece in pieces_of(tone16(440, 24_000, 3.0).tobytes(), 24_000, 48_000)]
    assert max(sizes) <= 4_800


async def test_a_stream_may_split_a_sample() -> None:
    data = tone16(440, 48_000, 0.1).tobytes()
    samples = await joined(given(data[:101], data[101:102], data[102:]), 48_000)
    assert samples.tobytes() == data


async def test_a_stream_may_give_arrays() -> None:
    stereo = np.stack([tone(440, 24_000, 0.2)] * 2, axis=1)
    samples = await joined(given(stereo, tone16(440, 24_000, 0.2)), 24_000)
    assert len(samples) == 19_200


async def test_a_stream_of_something_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="gave a str"):
        await joined(given("words"), 24_000)
