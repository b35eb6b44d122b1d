"""Requests over HTTP: client secrets, calls, hang-up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from rtc_widget.sandbox.call import Call
from rtc_widget.sandbox.config import new_session, shown
from rtc_widget.sandbox.faults import join, wrong_type
from rtc_widget.sandbox.keys import DEFAULT_S, LONGEST_S, SHORTEST_S
from rtc_widget.sandbox.validation import check_session
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id, is_beta, parsed, written

if TYPE_CHECKING:
    from starlette.requests import Request

    from rtc_widget.sandbox.service import Sandbox

__all__ = ["Answer", "client_secrets", "create_call", "hang_up", "read_json"]


class Answer(JSONResponse):
    """An answer in JSON, written as events are."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of its body."""
        return written(content).encode()


async def client_secrets(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/realtime/client_secrets`."""
    sandbox.trouble.strike("client_secrets")
    sandbox.keys.check_standard(request.headers.get("authorization"))
    body = await read_json(request)
    _check_names(body, {"expires_after", "session"})
    asked = _checked(body.get("session"))
    value, expires_at = sandbox.keys.mint(asked, _seconds(body.get("expires_after")))
    session = new_session(fresh_id("sess"), int(time.time() + sandbox.session_seconds), asked)
    return Answer({"value": value, "expires_at": expires_at, "session": shown(session)})


async def create_call(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/realtime/calls`: an SDP offer, or a form that holds one beside a session."""
    sandbox.trouble.strike("calls")
    asked = sandbox.keys.session_of(request.headers.get("authorization"))
    may_be_joined = asked is None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        offer, given = await _form(request)
        if given is not None and asked is not None:
            raise ApiError(
                "A client secret brings its own session: leave out 'session'.",
                code="invalid_value",
                param="session",
            )
        asked = asked or _checked(given)
    elif kind == "application/sdp":
        offer = (await request.body()).decode(errors="replace")
        asked = asked or _checked(None)
    else:
        raise ApiError(
            f"Unsupported content type: '{kind}'. Send application/sdp or multipart/form-data.",
            code="unsupported_content_type",
        )
    call = Call(
        asked,
        brain=sandbox.brain,
        seconds=sandbox.session_seconds,
        on_over=sandbox.forget,
        may_be_joined=may_be_joined,
        is_beta=is_beta(request.headers),
    )
    try:
        answer = await call.answer(offer)
    except ApiError:
        await call.hang_up()
        raise
    sandbox.begin(call)
    return Response(
        answer,
        status_code=201,
        media_type="application/sdp",
        headers={"Location": f"/v1/realtime/calls/{call.id}"},
    )


async def hang_up(sandbox: Sandbox, request: Request) -> Response:
    """`POST /v1/realtime/calls/{call_id}/hangup`."""
    sandbox.keys.check_standard(request.headers.get("authorization"))
    await sandbox.find(request.path_params["call_id"]).hang_up()
    return Response(status_code=200)


async def read_json(request: Request) -> Event:
    """Return the object that a request's body is, {} without one.

    Raises
    ------
    ApiError
        The body is something else.
    """
    try:
        body = parsed(await request.body() or b"{}")
    except ValueError as error:
        raise ApiError("We could not parse the JSON body of your request.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise ApiError("The JSON body of your request must be an object.", code="invalid_type")
    return body


async def _form(request: Request) -> tuple[str, Event | None]:
    """Return the offer and the session of a form; neither part needs a file name."""
    try:
        form = await request.form()
    except (HTTPException, ValueError) as error:
        reason = error.detail if isinstance(error, HTTPException) else str(error)
        raise ApiError(
            f"We could not parse the form of your request: {reason}", code="invalid_form"
        ) from error
    parts = {
        name: value if isinstance(value, str) else (await value.read()).decode(errors="replace")
        for name, value in form.items()
    }
    if "sdp" not in parts:
        raise ApiError("Missing required parameter: 'sdp'.", code="missing_required_parameter", param="sdp")
    if "session" not in parts:
        return parts["sdp"], None
    try:
        return parts["sdp"], parsed(parts["session"])
    except ValueError as error:
        raise ApiError("Invalid 'session': expected JSON.", code="invalid_json", param="session") from error


def _checked(session: Any) -> Event:
    """Return the session that was asked for, checked; one of voice where none was."""
    return check_session({"type": "realtime"} if session in (None, {}) else session)


def _check_names(given: Event, known: set[str], path: str = "") -> None:
    unknown = given.keys() - known
    if unknown:
        place = join(path, min(unknown))
        raise ApiError(f"Unknown parameter: '{place}'.", code="unknown_parameter", param=place)


def _seconds(expires_after: Any) -> int:
    if expires_after is None:
        return DEFAULT_S
    if not isinstance(expires_after, dict):
        raise ApiError(
            "Invalid type for 'expires_after': expected an object.",
            code="invalid_type",
            param="expires_after",
        )
    _check_names(expires_after, {"anchor", "seconds"}, "expires_after")
    if expires_after.get("anchor", "created_at") != "created_at":
        raise ApiError(
            f"Invalid value: '{expires_after['anchor']}'. Supported values are: 'created_at'.",
            code="invalid_value",
            param="expires_after.anchor",
        )
    seconds = expires_after.get("seconds", DEFAULT_S)
    if type(seconds) is not int:
        raise wrong_type("expires_after.seconds", "an integer", seconds)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ApiError(
            f"Invalid 'expires_after.seconds': expected an integer from {SHORTEST_S} to {LONGEST_S}, "
            f"but got {seconds!r} instead.",
            code="integer_below_min_value" if seconds < SHORTEST_S else "integer_above_max_value",
            param="expires_after.seconds",
        )
    return seconds
