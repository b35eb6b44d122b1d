"""Other packages' loggers, kept from telling keys: they log addresses and headers, which may hold some."""

from __future__ import annotations

import logging

from rtc_widget._secrets import masked_address, redacted

__all__ = ["hush"]


class _Redacting(logging.Filter):
    """Takes the keys out of what is logged, and leaves the rest."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if said != (shown := redacted(masked_address(said) if "://" in said else said)):
            record.msg, record.args = shown, ()
        return True


_redacting = _Redacting()


def hush(*names: str) -> None:
    """Let loggers of these names tell no key from now on."""
    for name in names:
        logging.getLogger(name).addFilter(_redacting)
