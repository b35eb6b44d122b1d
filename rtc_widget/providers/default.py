"""Which provider a session gets when none is named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError
from rtc_widget.providers._credentials import KeyVariable
from rtc_widget.providers.openai import OpenAI
from rtc_widget.providers.sandbox import Sandbox

if TYPE_CHECKING:
    from rtc_widget.providers.base import Provider

__all__ = ["default_provider"]


def default_provider() -> Provider:
    """Return OpenAI where `OPENAI_API_KEY` is set, else the sandbox where it is installed.

    Raises
    ------
    ConfigurationError
        Where there is neither; the message names both ways out.
    """
    if os.environ.get(KeyVariable.OPENAI, "").strip():
        return OpenAI()
    missing = Sandbox.missing_parts()
    if not missing:
        return Sandbox()
    message = (
        "Nothing to talk to. Set OPENAI_API_KEY to call OpenAI, or run "
        "`pip install 'rtc_widget[sandbox]'` for the local "
        f"sandbox, which needs no account (missing now: {', '.join(missing)})."
    )
    raise ConfigurationError(message)
