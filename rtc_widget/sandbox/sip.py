"""Requests about phone calls, as the API has them: accept, reject, refer. Hanging up is any call's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from rtc_widget.sandbox.http import read_json
from rtc_widget.sandbox.phone import PhoneCall
from rtc_widget.sandbox.validation import check_session
from rtc_widget.sandbox.wire import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

    from rtc_widget.sandbox.service import Sandbox

__all__ = ["accept", "phone_call", "refer", "reject"]

_DECLINE: Final = 603
_SIP_REFUSALS: Final = range(300, 700)


async def accept(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/realtime/calls/{call_id}/accept`: the body is the session."""
    call = phone_call(sandbox, request)
    asked = check_session(await read_json(request))
    if asked["type"] != "realtime":
        raise ApiError(
            "Invalid value: 'transcription'. Supported values are: 'realtime'.",
            code="invalid_value",
            param="type",
        )
    call.accept(asked, brain=sandbox.brain, seconds=sandbox.session_seconds)
    return Response(status_code=200)


async def reject(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/realtime/calls/{call_id}/reject`, with a `status_code` of SIP."""
    call = phone_call(sandbox, request)
    status = (await read_json(request)).get("status_code", _DECLINE)
    if not isinstance(status, int) or status not in _SIP_REFUSALS:
        raise ApiError(
            f"Invalid 'status_code': expected one of SIP, from 300 to 699, but got {status!r} instead.",
            code="invalid_value",
            param="status_code",
        )
    await call.reject()
    return Response(status_code=200)


async def refer(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/realtime/calls/{call_id}/refer`, to a `target_uri`."""
    call = phone_call(sandbox, request)
    target: Any = (await read_json(request)).get("target_uri")
    if not isinstance(target, str) or not target.startswith(("tel:", "sip:", "sips:")):
        raise ApiError(
            "Invalid 'target_uri': expected a URI such as 'tel:+14155550123' or 'sip:agent@example.com'.",
            code="missing_required_parameter" if target is None else "invalid_value",
            param="target_uri",
        )
    await call.refer()
    return Response(status_code=200)


def phone_call(sandbox: Sandbox, request: Request) -> PhoneCall:
    """Return the phone call that a request names.

    Raises
    ------
    ApiError
        The key is wrong, or there is no such phone call.
    """
    sandbox.keys.check_standard(request.headers.get("authorization"))
    call = sandbox.find(request.path_params["call_id"])
    if not isinstance(call, PhoneCall):
        raise ApiError("The call is no phone call: it came over WebRTC.", code="invalid_call")
    return call
