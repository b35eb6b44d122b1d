"""What the sandbox alone has, with the standard key: somebody calls by phone, and requests fail on demand.

`POST /v1/sandbox/phone_calls`
    Somebody calls. The body is a WAV file with what they say (silence without one), `?from=` their number.
    The answer is the `realtime.call.incoming` event that the service's webhook would bring.
`GET /v1/sandbox/phone_calls/{call_id}/heard`
    What the caller has heard so far: a WAV file.
`POST /v1/sandbox/phone_calls/{call_id}/press`
    The caller presses a key: `{"key": "5"}`.
`POST /v1/sandbox/trouble`
    The next requests fail: `{"status": 429, "retry_after_s": 2, "times": 1, "place": "calls"}`. The status is
    429, 500 or 503; the place "client_secrets", "calls" or "realtime" (the WebSocket), or any without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from rtc_widget.sandbox.http import Answer, read_json
from rtc_widget.sandbox.phone import PhoneCall, read_wav
from rtc_widget.sandbox.sip import phone_call

if TYPE_CHECKING:
    from starlette.requests import Request

    from rtc_widget.sandbox.service import Sandbox

__all__ = ["heard", "make_trouble", "press", "ring"]


async def ring(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/sandbox/phone_calls`."""
    sandbox.keys.check_standard(request.headers.get("authorization"))
    file = await request.body()
    number = request.query_params.get("from", "+15550100")
    call = PhoneCall(read_wav(file) if file else b"", number, sandbox.forget)
    sandbox.begin(call)
    return Answer(call.incoming(), status_code=201)


async def heard(sandbox: Sandbox, request: Request) -> Response:
    """`GET /v1/sandbox/phone_calls/{call_id}/heard`."""
    return Response(phone_call(sandbox, request).heard(), media_type="audio/wav")


async def press(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/sandbox/phone_calls/{call_id}/press`."""
    call = phone_call(sandbox, request)
    call.press(str((await read_json(request)).get("key", "")))
    return Response(status_code=200)


async def make_trouble(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/sandbox/trouble`."""
    sandbox.keys.check_standard(request.headers.get("authorization"))
    sandbox.trouble.order(await read_json(request))
    return Response(status_code=200)
