"""Azure OpenAI: the same API under another address, with another header, and a deployment for a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rtc_widget._arguments import checked_flag
from rtc_widget._errors import ConfigurationError
from rtc_widget.providers._address import checked_base_url
from rtc_widget.providers._credentials import Credentials, Key, KeyVariable, checked_key, given_key
from rtc_widget.providers.base import Provider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rtc_widget.providers.policy import SecretPolicy

__all__ = ["AzureOpenAI"]

_RESOURCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_KEY = re.compile(r"[0-9a-fA-F]{32}|[A-Za-z0-9]{60,}")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PATH = "/openai/v1"


class AzureOpenAI(Provider):
    """A deployment of a realtime model in Azure.

    Parameters
    ----------
    resource
        Name of the resource (`my-resource`), or its endpoint (`https://my-resource.openai.azure.com`).
    deployment
        Name of the deployment; it stands where other providers have the model.
    key
        One of the resource's keys, sent as `api-key`; None takes `AZURE_OPENAI_API_KEY` where there is no
        `token_provider`.
    token_provider
        Returns an Entra token, at once or when awaited; asked before every request, sent as Bearer token.
        `azure.identity.get_bearer_token_provider(…)` makes one.
    webrtcfilter
        Whether the service keeps from the browser what holds instructions and function calls. What is kept
        back is missing in the log too, unless a sideband brings it (`sideband=True`).
    policy
        Limits on client secrets and calls.

    Raises
    ------
    ConfigurationError
        For a name that Azure does not take; for no key, or two ways to authenticate.
    """

    name = "azure"

    def __init__(
        self,
        resource: str,
        deployment: str,
        *,
        key: str | None = None,
        token_provider: Callable[[], str | Awaitable[str]] | None = None,
        webrtcfilter: bool = False,
        policy: SecretPolicy | None = None,
    ) -> None:
        given, key = None if key is None else Key(key), None
        base_url = _endpoint(resource)
        if not _fits(_DEPLOYMENT, deployment):
            raise ConfigurationError(
                "deployment is the name of a deployment: letters, digits, . _ and -, up to 64. (What was "
                "given is not shown: it may be the key.)"
            )
        if _KEY.fullmatch(deployment):
            raise ConfigurationError(_looks_like_a_key("deployment"))
        webrtcfilter = checked_flag(webrtcfilter, "webrtcfilter")
        super().__init__(base_url, _credentials(given, token_provider), policy=policy)
        self.deployment = deployment
        self.webrtcfilter = webrtcfilter
        self.hides = "webrtcfilter=True" if webrtcfilter else None

    @property
    def calls_url(self) -> str:
        """Where a browser posts its offer."""
        return f"{super().calls_url}?webrtcfilter=on" if self.webrtcfilter else super().calls_url

    def session_of(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """Return a session with the deployment for its model."""
        if session.get("type") == "transcription":
            return dict(session)
        return {**session, "model": self.deployment}

    def __repr__(self) -> str:
        """Name the address and the deployment; never a key."""
        return f"AzureOpenAI(base_url={self.base_url!r}, deployment={self.deployment!r})"


def _fits(pattern: re.Pattern[str], name: object) -> bool:
    return isinstance(name, str) and pattern.fullmatch(name) is not None


def _looks_like_a_key(what: str) -> str:
    return (
        f'This {what} looks like a key. Right form: rtc.AzureOpenAI("my-resource", "my-deployment", key="…").'
    )


def _endpoint(resource: object) -> str:
    if isinstance(resource, str) and "://" in resource:
        base_url = checked_base_url(resource)
        return base_url if base_url.endswith(_PATH) else f"{base_url}{_PATH}"
    if not isinstance(resource, str) or not _fits(_RESOURCE, resource):
        raise ConfigurationError(
            "resource is the name of an Azure OpenAI resource (letters, digits and -) or its endpoint "
            "(https://my-resource.openai.azure.com). (What was given is not shown: it may be the key.)"
        )
    if _KEY.fullmatch(resource):
        raise ConfigurationError(_looks_like_a_key("resource"))
    return f"https://{resource.lower()}.openai.azure.com{_PATH}"


def _credentials(given: Key | None, token_provider: object) -> Credentials:
    if token_provider is not None:
        if given is not None:
            raise ConfigurationError("Pass key=… or token_provider=…, not both.")
        if not callable(token_provider):
            raise ConfigurationError("token_provider is a function that returns a token, not a token.")
        return Credentials(token=token_provider)
    key = given_key(None, KeyVariable.AZURE) if given is None else given
    if key.is_blank:
        raise ConfigurationError(
            "No key for Azure OpenAI: set AZURE_OPENAI_API_KEY, or pass key=… or token_provider=…."
        )
    return Credentials({"api-key": checked_key(key, "Azure OpenAI key")})
