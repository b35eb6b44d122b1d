"""The frames of a session or a recording, as properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FrameProperties"]


class FrameProperties:
    """One property a frame; `rtc.frames.describe(name)` prints its columns with their definitions."""

    def _frame(self, name: str) -> pd.DataFrame:
        raise NotImplementedError

    @property
    def events(self) -> pd.DataFrame:
        """A row is a record of the log."""
        return self._frame("events")

    @property
    def items(self) -> pd.DataFrame:
        """A row is a conversation item."""
        return self._frame("items")

    @property
    def turns(self) -> pd.DataFrame:
        """A row is a turn."""
        return self._frame("turns")

    @property
    def responses(self) -> pd.DataFrame:
        """A row is a response."""
        return self._frame("responses")

    @property
    def tool_calls(self) -> pd.DataFrame:
        """A row is a function or MCP call."""
        return self._frame("tool_calls")

    @property
    def transcripts(self) -> pd.DataFrame:
        """A row is a piece of transcript."""
        return self._frame("transcripts")

    @property
    def usage(self) -> pd.DataFrame:
        """A row is a billed thing."""
        return self._frame("usage")

    @property
    def rate_limits(self) -> pd.DataFrame:
        """A row is a limit in an update."""
        return self._frame("rate_limits")

    @property
    def config(self) -> pd.DataFrame:
        """A row is a change of configuration."""
        return self._frame("config")

    @property
    def errors(self) -> pd.DataFrame:
        """A row is an error."""
        return self._frame("errors")

    @property
    def stats(self) -> pd.DataFrame:
        """A row is a value of getStats."""
        return self._frame("stats")

    @property
    def segments(self) -> pd.DataFrame:
        """A row is a stretch of sound."""
        return self._frame("segments")

    @property
    def calls(self) -> pd.DataFrame:
        """A row is a WebRTC call."""
        return self._frame("calls")
