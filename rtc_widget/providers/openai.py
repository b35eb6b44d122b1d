"""OpenAI's own service."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError
from rtc_widget.providers._address import checked_base_url
from rtc_widget.providers._credentials import Credentials, KeyVariable, checked_key, given_key
from rtc_widget.providers.base import Provider

if TYPE_CHECKING:
    from rtc_widget.providers.policy import SecretPolicy

__all__ = ["OpenAI"]

_BASE_URL = "https://api.openai.com/v1"
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class OpenAI(Provider):
    """OpenAI's Realtime API.

    Parameters
    ----------
    api_key
        The standard key; None takes `OPENAI_API_KEY`. It never leaves this object.
    base_url
        Up to and including `/v1`; None takes `OPENAI_BASE_URL`, else OpenAI's own.
    organization, project
        Which organisation and project to bill, by their ids; None takes `OPENAI_ORG_ID` and
        `OPENAI_PROJECT_ID`, where they are set.
    policy
        Limits on client secrets and calls.

    Raises
    ------
    ConfigurationError
        When there is no key, or one that cannot be one; for what is no address.
    """

    name = "openai"

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        policy: SecretPolicy | None = None,
    ) -> None:
        key, api_key = given_key(api_key, KeyVariable.OPENAI), None
        address = os.environ.get("OPENAI_BASE_URL") or _BASE_URL
        if base_url is not None:
            address = checked_base_url(base_url)
        billed = {
            "organization": ("OpenAI-Organization", organization, "OPENAI_ORG_ID"),
            "project": ("OpenAI-Project", project, "OPENAI_PROJECT_ID"),
        }
        headers = {}
        for what, (header, given, variable) in billed.items():
            value = os.environ.get(variable) or None if given is None else given
            if value is not None:
                headers[header] = _checked_id(value, what)
        if key.is_blank:
            message = (
                "No OpenAI key: set OPENAI_API_KEY, pass OpenAI(api_key=…), "
                "or practise without an account on rtc.Sandbox()."
            )
            raise ConfigurationError(message)
        credentials = Credentials.bearer(checked_key(key, "OpenAI key"), **headers)
        super().__init__(address, credentials, policy=policy)


def _checked_id(value: object, what: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value.strip()):
        raise ConfigurationError(
            f"{what} is an id of letters, digits, _ and -, as the settings of your account show it."
        )
    return value.strip()
