"""Other packages' loggers, kept from telling keys: they log addresses and headers, which may hold some."""

from __future__ import annotations

import logging

from rtc_widget._secrets import masked_address, redacted

__all__ = ["StrayLines", "hush"]


class _Redacting(logging.Filter):
    """Takes the keys out of what is logged, and all of a traceback: its error may repeat what was read."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if record.exc_info is not None and record.exc_info[0] is not None:
            record.msg, record.args = f"{said} ({record.exc_info[0].__name__})", ()
            record.exc_info = record.exc_text = None
            said = record.getMessage()
        if said != (shown := redacted(masked_address(said) if "://" in said else said)):
            record.msg, record.args = shown, ()
        return True


class StrayLines(logging.Filter):
    """Tells once of lines that are no messages, and not what they say: a token may be in them.

    Parameters
    ----------
    words
        What is told instead.
    """

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self._told = False

    def rearm(self) -> None:
        """Tell it again, of whoever writes the next one."""
        self._told = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line pass that tells of something else, and the first of these in our words."""
        if record.exc_info is None or not isinstance(record.exc_info[1], ValueError):
            return True
        told, self._told = self._told, True
        record.msg, record.args, record.exc_info, record.exc_text = self._words, (), None, None
        return not told


_redacting = _Redacting()


def hush(*names: str) -> None:
    """Let loggers of these names tell no key from now on."""
    for name in names:
        logging.getLogger(name).addFilter(_redacting)
