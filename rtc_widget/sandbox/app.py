"""The ASGI application of a sandbox: its addresses, with CORS and the API's errors."""

from __future__ import annotations

import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from rtc_widget.sandbox import http, sip, staging
from rtc_widget.sandbox.sockets import hold
from rtc_widget.sandbox.wire import ApiError, fresh_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from rtc_widget.sandbox.service import Sandbox

    _Endpoint = Callable[[Sandbox, Request], Awaitable[Response]]

__all__ = ["create_app"]

_ADDRESSES: Final[Sequence[tuple[str, str, _Endpoint]]] = (
    ("POST", "realtime/client_secrets", http.client_secrets),
    ("POST", "realtime/calls", http.create_call),
    ("POST", "realtime/calls/{call_id}/hangup", http.hang_up),
    ("POST", "realtime/calls/{call_id}/accept", sip.accept),
    ("POST", "realtime/calls/{call_id}/reject", sip.reject),
    ("POST", "realtime/calls/{call_id}/refer", sip.refer),
    # Those that the sandbox alone has.
    ("POST", "sandbox/phone_calls", staging.ring),
    ("GET", "sandbox/phone_calls/{call_id}/heard", staging.heard),
    ("POST", "sandbox/phone_calls/{call_id}/press", staging.press),
    ("POST", "sandbox/trouble", staging.make_trouble),
)
_log = logging.getLogger(__name__)


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

    async def realtime(websocket: WebSocket) -> None:
        try:
            await hold(sandbox, websocket)
        except ApiError as error:
            await websocket.send_denial_response(_with_id(_refusal(error)))

    routes: list[BaseRoute] = [
        Route(f"/v1/{path}", _answering(partial(endpoint, sandbox)), methods=[method])
        for method, path, endpoint in _ADDRESSES
    ]
    routes += [WebSocketRoute("/v1/realtime", realtime), WebSocketRoute("/{path:path}", _no_such_socket)]
    handlers: dict[Any, Any] = {HTTPException: _no_such_place}
    return Starlette(routes=routes, middleware=[cors], exception_handlers=handlers, lifespan=lifespan)


def _answering(
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
        return _with_id(response)

    return answer


def _with_id(response: Response) -> Response:
    response.headers["X-Request-Id"] = fresh_id("req", 32)
    return response


def _refusal(error: ApiError) -> Response:
    return http.Answer({"error": error.body()}, status_code=error.status, headers=error.headers)


def _no_such_place(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    problem = "Not allowed method" if status == 405 else "Invalid URL"  # noqa: PLR2004 - HTTP's own number
    return _unknown_url(f"{problem} ({request.method} {request.url.path})", status)


async def _no_such_socket(websocket: WebSocket) -> None:
    await websocket.send_denial_response(_unknown_url(f"Invalid URL (GET {websocket.url.path})", 404))


def _unknown_url(message: str, status: int) -> Response:
    return _with_id(_refusal(ApiError(message, code="unknown_url", status=status)))
