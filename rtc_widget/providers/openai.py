"""OpenAI's own service."""

from __future__ import annotations

import os

from rtc_widget._errors import ConfigurationError
from rtc_widget.providers.base import Provider

__all__ = ["OpenAI"]

_BASE_URL = "https://api.openai.com/v1"


class OpenAI(Provider):
    """OpenAI's Realtime API.

    Parameters
    ----------
    api_key
        The standard key; None takes `OPENAI_API_KEY`. It never leaves this object.
    base_url
        Up to and including `/v1`; None takes `OPENAI_BASE_URL`, else OpenAI's own.
    organization, project
        Which organisation and project to bill, by their ids.

    Raises
    ------
    ConfigurationError
        When there is no key.
    """

    name = "openai"

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "")
        if not key.strip():
            message = (
                "No OpenAI key: set OPENAI_API_KEY, pass OpenAI(api_key=…), "
                "or practise without an account on rtc.Sandbox()."
            )
            raise ConfigurationError(message)
        if not key.isascii() or any(character.isspace() for character in key.strip()):
            message = "The OpenAI key holds a space or a character that no key has: copy it again, whole."
            raise ConfigurationError(message)
        headers = {"Authorization": f"Bearer {key.strip()}"}
        if organization:
            headers["OpenAI-Organization"] = organization
        if project:
            headers["OpenAI-Project"] = project
        super().__init__(base_url or os.environ.get("OPENAI_BASE_URL") or _BASE_URL, headers)
