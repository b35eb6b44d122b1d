"""The HTTP side of the sandbox: client secrets, calls, hang-up, with CORS and the API's errors."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rtc_widget.sandbox.call import Call
from rtc_widget.sandbox.config import new_session
from rtc_widget.sandbox.keys import DEFAULT_S, LONGEST_S, SHORTEST_S, Keys
from rtc_widget.sandbox.validation import check_session
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from rtc_widget.sandbox.prompt import Brain

__all__ = ["Sandbox", "create_app"]

_log = logging.getLogger(__name__)


@dataclass
class Sandbox:
    """One sandbox: its keys, its brain and its calls.

    Attributes
    ----------
    keys
        Who may come in.
    brain
        What answers.
    session_seconds
        How long a session may last.
    calls
        Those that run, by id.
    """

    keys: Keys
    brain: Brain
    session_seconds: float = 3600.0
    calls: dict[str, Call] = field(default_factory=dict)

    async def client_secrets(self, request: Request) -> Response:
        """`POST /v1/realtime/client_secrets`."""
        self.keys.check_standard(request.headers.get("authorization"))
        body = await _json(request)
        unknown = body.keys() - {"expires_after", "session"}
        if unknown:
            name = min(unknown)
            raise ApiError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        asked = check_session(body.get("session") or {"type": "realtime"})
        value, expires_at = self.keys.mint(asked, _seconds(body.get("expires_after")))
        session = new_session(fresh_id("sess"), int(time.time() + self.session_seconds), asked)
        return JSONResponse({"value": value, "expires_at": expires_at, "session": session})

    async def create_call(self, request: Request) -> Response:
        """`POST /v1/realtime/calls`: an SDP offer, or a form that holds one beside a session."""
        asked = self.keys.session_of(request.headers.get("authorization"))
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            offer, given = await _form(request)
            if given is not None and asked is not None:
                raise ApiError(
                    "A client secret brings its own session: leave out 'session'.",
                    code="invalid_value",
                    param="session",
                )
            asked = asked or check_session(given or {"type": "realtime"})
        elif kind == "application/sdp":
            offer = (await request.body()).decode(errors="replace")
            asked = asked or check_session({"type": "realtime"})
        else:
            raise ApiError(
                f"Unsupported content type: '{kind}'. Send application/sdp or multipart/form-data.",
                code="unsupported_content_type",
            )
        call = Call(asked, brain=self.brain, seconds=self.session_seconds, on_over=self._forget)
        try:
            answer = await call.answer(offer)
        except ApiError:
            await call.hang_up()
            raise
        self.calls[call.id] = call
        _log.info("%s began", call.id)
        return Response(
            answer,
            status_code=201,
            media_type="application/sdp",
            headers={"Location": f"/v1/realtime/calls/{call.id}"},
        )

    async def hang_up(self, request: Request) -> Response:
        """`POST /v1/realtime/calls/{call_id}/hangup`."""
        self.keys.check_standard(request.headers.get("authorization"))
        call = self.calls.get(request.path_params["call_id"])
        if call is None:
            raise ApiError(
                f"No call with id '{request.path_params['call_id']}' runs.",
                code="call_id_not_found",
                status=404,
            )
        await call.hang_up()
        return Response(status_code=200)

    async def close(self) -> None:
        """End all calls."""
        for call in list(self.calls.values()):
            await call.hang_up()

    def _forget(self, call: Call) -> None:
        if self.calls.pop(call.id, None) is not None:
            _log.info("%s ended", call.id)


def create_app(sandbox: Sandbox, on_ready: Callable[[], None] = lambda: None) -> Starlette:
    """Return the ASGI application of a sandbox.

    Parameters
    ----------
    sandbox
        What it serves.
    on_ready
        Called when it begins to serve.

    Returns
    -------
    Starlette
        The application; it ends the calls when it stops.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield
        await sandbox.close()

    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        allow_private_network=True,
        expose_headers=["Location", "X-Request-Id"],
    )
    routes = [
        Route("/v1/realtime/client_secrets", _named(sandbox.client_secrets), methods=["POST"]),
        Route("/v1/realtime/calls", _named(sandbox.create_call), methods=["POST"]),
        Route("/v1/realtime/calls/{call_id}/hangup", _named(sandbox.hang_up), methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {HTTPException: _no_such_place}
    return Starlette(routes=routes, middleware=[cors], exception_handlers=handlers, lifespan=lifespan)


def _named(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Give every answer a request id, and every refusal the API's form."""

    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except ApiError as error:
            response = _refusal(error)
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
            _log.exception("a request failed")
            broken = ApiError("The sandbox failed: its log says more.", code="server_error", status=500)
            broken.type = "server_error"
            response = _refusal(broken)
        response.headers["X-Request-Id"] = fresh_id("req", 32)
        return response

    return answer


def _refusal(error: ApiError) -> Response:
    return JSONResponse({"error": error.body()}, status_code=error.status)


def _no_such_place(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    problem = "Not allowed method" if status == 405 else "Invalid URL"  # noqa: PLR2004 - HTTP's own number
    refusal = ApiError(f"{problem} ({request.method} {request.url.path})", code="unknown_url", status=status)
    response = _refusal(refusal)
    response.headers["X-Request-Id"] = fresh_id("req", 32)
    return response


async def _json(request: Request) -> Event:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise ApiError("We could not parse the JSON body of your request.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise ApiError("The JSON body of your request must be an object.", code="invalid_type")
    return body


async def _form(request: Request) -> tuple[str, Event | None]:
    """Return the offer and the session of a form; neither part needs a file name."""
    form = await request.form()
    parts = {
        name: value if isinstance(value, str) else (await value.read()).decode(errors="replace")
        for name, value in form.items()
    }
    if "sdp" not in parts:
        raise ApiError("Missing required parameter: 'sdp'.", code="missing_required_parameter", param="sdp")
    if "session" not in parts:
        return parts["sdp"], None
    try:
        return parts["sdp"], json.loads(parts["session"])
    except ValueError as error:
        raise ApiError("Invalid 'session': expected JSON.", code="invalid_json", param="session") from error


def _seconds(expires_after: Any) -> int:
    if expires_after is None:
        return DEFAULT_S
    if not isinstance(expires_after, dict):
        raise ApiError(
            "Invalid type for 'expires_after': expected an object.",
            code="invalid_type",
            param="expires_after",
        )
    if expires_after.get("anchor", "created_at") != "created_at":
        raise ApiError(
            f"Invalid value: '{expires_after['anchor']}'. Supported values are: 'created_at'.",
            code="invalid_value",
            param="expires_after.anchor",
        )
    seconds = expires_after.get("seconds", DEFAULT_S)
    if not isinstance(seconds, int) or not SHORTEST_S <= seconds <= LONGEST_S:
        below = isinstance(seconds, int) and seconds < SHORTEST_S
        raise ApiError(
            f"Invalid 'expires_after.seconds': expected an integer from {SHORTEST_S} to {LONGEST_S}, "
            f"but got {seconds!r} instead.",
            code="integer_below_min_value" if below else "integer_above_max_value",
            param="expires_after.seconds",
        )
    return seconds
