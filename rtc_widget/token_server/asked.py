"""What a page asked for: read with suspicion, since the session is fixed on the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Asked", "Refusal", "read_asked"]

_MOST_BYTES = 16 * 1024
_LONGEST_S = 10.0
_ABSENT = object()


class Refusal(Exception):
    """A request that gets no secret.

    Parameters
    ----------
    status
        Of HTTP.
    code
        The reason in one word, for programs.
    reason
        The reason, for people.
    retry_after_s
        When to try again, in s.
    """

    def __init__(self, status: int, code: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass
class Asked:
    """One request, as the audit file has it."""

    origin: str | None
    address: str | None
    user: str | None = None
    model: str | None = None
    expires_at: float | None = None
    request_id: str | None = None
    outcome: str = "failed"


async def read_asked(
    request: Request, asked: Asked, session: Mapping[str, Any], models: Sequence[str | None]
) -> dict[str, Any]:
    """Return the session to mint for: the server's own, with the model that was chosen.

    Parameters
    ----------
    request
        Its body is empty or JSON: `model`, or a `session` that says nothing else than the server's.
    asked
        Where the model is noted.
    session
        The server's own.
    models
        Those that may be chosen.

    Raises
    ------
    Refusal
        For a body that is none or does not come, a model that may not be chosen, and a session that was
        tampered with.
    """
    body = _parse(await _body(request))
    given = body.pop("session", {})
    if not isinstance(given, dict):
        raise Refusal(400, "invalid_body", "session is an object.")
    choices = [holder.pop("model", _ABSENT) for holder in (body, given)]
    chosen = [choice for choice in choices if choice is not _ABSENT]
    own = session.get("model")
    model: Any = chosen[0] if chosen else own
    asked.model = model if isinstance(model, str) else None
    if any(choice != model for choice in chosen) or (chosen and model not in models):
        allowed = ", ".join(str(name) for name in models) or "none"
        raise Refusal(403, "forbidden_model", f"This model may not be asked for. Allowed: {allowed}.")
    if body:
        raise Refusal(403, "fixed_session", f"{_names(body)} cannot be asked for: the server fixes that.")
    tampered = [name for name, value in given.items() if not _is_within(value, session.get(name, _ABSENT))]
    if tampered:
        raise Refusal(
            403, "fixed_session", f"The session is fixed on the server: {_names(tampered)} cannot be changed."
        )
    return {**session, "model": model} if model is not None else dict(session)


async def _body(request: Request) -> bytes:
    from starlette.requests import ClientDisconnect

    found = bytearray()
    try:
        async with asyncio.timeout(_LONGEST_S):
            async for piece in request.stream():
                found += piece
                if len(found) > _MOST_BYTES:
                    raise Refusal(413, "too_large", f"The body is larger than {_MOST_BYTES} bytes.")
    except TimeoutError:
        raise Refusal(408, "too_slow", f"The body took longer than {_LONGEST_S:g} s.") from None
    except ClientDisconnect:
        raise Refusal(400, "broken_off", "The body broke off: whoever sent it is gone.") from None
    return bytes(found)


def _parse(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair cannot be answered
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid_body", "The body is no JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_body", "The body is no JSON object.")
    return value


def _is_within(given: Any, own: Any) -> bool:
    """Say whether what is given only repeats what is there."""
    if isinstance(given, dict) and isinstance(own, Mapping):
        return all(_is_within(value, own.get(name, _ABSENT)) for name, value in given.items())
    return type(given) is type(own) and bool(given == own)


def _names(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(str(name)[:40] for name in list(names)[:5])
