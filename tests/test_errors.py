"""Errors of ours travel: copied, and out of other processes."""

from __future__ import annotations

import copy
import pickle

import pytest

import rtc_widget as rtc

ERRORS = [
    rtc.ConfigurationError("No."),
    rtc.ProtocolError("No such event."),
    rtc.ConnectionFailed("ice", "nothing came.", "Try again."),
    rtc.SecretError("refused", status=401, request_id="req_1"),
    rtc.ServerError({"type": "error", "error": {"message": "No.", "code": "wrong", "param": "item"}}),
    rtc.WaitTimeout("response.done", 2.5, ["session.updated"], "Look."),
    rtc.RecordingError("torn", path="events.jsonl", line=3),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_when_it_was_copied_or_pickled(error: rtc.RtcWidgetError) -> None:
    error.add_note("seen in the morning")
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own bytes
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_each_error_that_is_public_is_among_these() -> None:
    public = {value for value in vars(rtc).values() if isinstance(value, type)}
    ours = {kind for kind in public if issubclass(kind, rtc.RtcWidgetError)}
    assert ours - {rtc.RtcWidgetError} == {type(error) for error in ERRORS}
