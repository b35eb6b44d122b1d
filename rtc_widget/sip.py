"""Phone calls: accept, reject, refer and hang up what the service's webhook announces.

The webhook is the user's own: its event `realtime.call.incoming` brings the call id. After `accept`,
`rtc.attach(rtc_call_id)` is a session on the call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import checked_provider, is_whole
from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import Handle, submit

if TYPE_CHECKING:
    from rtc_widget.providers import Provider

__all__ = ["accept", "hang_up", "refer", "reject"]

_DECLINE = 603
_REFUSALS = range(300, 700)
_TARGET = re.compile(r"(?:tel|sips?):[!-~]+")
"""A line break in it would be one in a header of SIP."""


def accept(rtc_call_id: str, *, provider: Provider | None = None, **fields: Any) -> Handle[None]:
    """Take a phone call, with a session.

    Parameters
    ----------
    rtc_call_id
        From the webhook.
    provider
        Where it came in; None takes the default one.
    fields
        Of the session, flat or nested: instructions, voice, … Python functions become tools of the session
        that is attached to the call: `a = rtc.attach(rtc_call_id)`, `@a.tool`, then `await a`.

    Returns
    -------
    Handle
        Done when the service has taken it.

    Raises
    ------
    ConfigurationError, ProtocolError
        For what is no call id or provider, and a field or value that no session takes.
    ConnectionFailed, SecretError
        When awaited: the service refused, or the policy does not allow the model.
    """
    _check_tools(fields.get("tools"))
    return _ask("accept", rtc_call_id, provider, protocol.default_session(**fields))


def _check_tools(tools: object) -> None:
    for tool in tools if isinstance(tools, list | tuple) else ():
        if callable(tool):
            name = getattr(tool, "__name__", type(tool).__name__)
            raise ConfigurationError(
                f"accept() only hands the call to the service: nobody here would run {name}. Right form: "
                f"accept without it; then a = rtc.attach(rtc_call_id, provider=…), a.tool({name}), await a."
            )


def reject(
    rtc_call_id: str, *, status_code: int = _DECLINE, provider: Provider | None = None
) -> Handle[None]:
    """Turn a phone call away.

    Parameters
    ----------
    rtc_call_id
        From the webhook.
    status_code
        Of SIP, for the caller: 603 (decline), 486 (busy), …
    provider
        Where it came in; None takes the default one.

    Raises
    ------
    ConfigurationError
        For what is no call id or provider, and a status that refuses nothing.
    ConnectionFailed
        When awaited: the service refused, or does not answer.
    """
    if not is_whole(status_code) or status_code not in _REFUSALS:
        raise ConfigurationError(
            f"status_code is one of SIP that refuses, 300 to 699 (603 declines), not {status_code!r}."
        )
    return _ask("reject", rtc_call_id, provider, {"status_code": int(status_code)})


def refer(rtc_call_id: str, target_uri: str, *, provider: Provider | None = None) -> Handle[None]:
    """Hand a phone call on to somebody else.

    Parameters
    ----------
    rtc_call_id
        Of a call that was accepted.
    target_uri
        `tel:+14155550123`, or `sip:agent@example.com`.
    provider
        Where it came in; None takes the default one.

    Raises
    ------
    ConfigurationError
        For what is no call id or provider, and no such address.
    ConnectionFailed
        When awaited: the service refused, or does not answer.
    """
    uri: object = target_uri
    if not isinstance(uri, str) or _TARGET.fullmatch(uri) is None:
        raise ConfigurationError(
            f'target_uri is "tel:+14155550123" or "sip:agent@example.com", not {target_uri!r}.'
        )
    return _ask("refer", rtc_call_id, provider, {"target_uri": target_uri})


def hang_up(rtc_call_id: str, *, provider: Provider | None = None) -> Handle[None]:
    """End a call, of whatever kind; one that has ended already is no error.

    Parameters
    ----------
    rtc_call_id
        Of the call.
    provider
        Where it was made; None takes the default one.

    Raises
    ------
    ConfigurationError
        For what is no call id or provider.
    ConnectionFailed
        When awaited: the service refuses, or does not answer, so that the call may go on.
    """
    return _ask("hangup", rtc_call_id, provider, None)


def _ask(what: str, rtc_call_id: str, provider: Provider | None, body: dict[str, Any] | None) -> Handle[None]:
    from rtc_widget.attached import checked_call_id
    from rtc_widget.providers import default_provider

    call_id = checked_call_id(rtc_call_id)
    chosen = default_provider() if provider is None else checked_provider(provider)
    return Handle(submit(_asked(chosen, what, call_id, body)), f"sip {what}")


async def _asked(provider: Provider, what: str, rtc_call_id: str, body: dict[str, Any] | None) -> None:
    from rtc_widget.attached import take

    provider.join()
    try:
        await provider.ready()
        if body is None:
            await provider.hang_up(rtc_call_id)
        else:
            await provider.ask_call(rtc_call_id, what, body)
            if what == "accept":
                take(rtc_call_id)
    finally:
        await provider.leave()


def __dir__() -> list[str]:
    return __all__
