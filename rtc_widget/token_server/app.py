"""The ASGI application: `POST /token` checks who asks, from where, for what and how often, then mints."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rtc_widget._arguments import checked_provider
from rtc_widget._errors import ConfigurationError, ConnectionFailed, SecretError
from rtc_widget._loop import submit
from rtc_widget.protocol import default_session
from rtc_widget.providers import SecretPolicy
from rtc_widget.providers.policy import PolicyRefusal, Rate, model_of
from rtc_widget.token_server.asked import Asked, Refusal, read_asked
from rtc_widget.token_server.audit_file import AuditFile

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Awaitable

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from rtc_widget.experiments.variant import Variant
    from rtc_widget.providers import Provider

__all__ = ["token_app"]

_PER_MINUTE = 10
_MOST_USERS = 10_000
_LONGEST_NAME = 200
_TIMED_OUT = 408
_PLACE = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_PORTS = {"http": ":80", "https": ":443"}
_log = logging.getLogger(__name__)

Authenticate = Callable[["Request"], "str | Awaitable[str | None] | None"]


def token_app(
    provider: Provider,
    *,
    authenticate: Authenticate,
    origins: Sequence[str],
    policy: SecretPolicy | None = None,
    session: Mapping[str, Any] | Variant | None = None,
    audit: str | os.PathLike[str] = "rtc_tokens.jsonl",
) -> Starlette:
    """Return an application that mints client secrets for pages outside the notebook.

    `POST /token`, with nothing or `{"model": "…"}` in its body, answers `{"value", "expires_at",
    "calls_url", "model"}`; the page posts its offer to `calls_url` with the value as Bearer token. Whoever is
    refused gets a 4xx with the reason. Every request is written to the audit file, and no key ever is.

    Parameters
    ----------
    provider
        What mints; its own policy holds for all users together.
    authenticate
        Called with the request (Starlette's); returns the user's name, or None for a stranger; may be async.
    origins
        The pages that may ask: `["https://app.example.com"]`.
    policy
        Of each user: `seconds` is the life of a secret, `max_per_minute` counts for a user, `models` may be
        chosen from. None is 30 s, 10 a minute, and the session's own model.
    session
        The configuration that every secret carries: fields, flat or nested, or a variant. A page cannot
        change it, apart from the model. None is the default session.
    audit
        File of JSON Lines that is added to.

    Raises
    ------
    ConfigurationError
        For an argument that leaves the door open, or is none; without starlette.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError:
        raise ConfigurationError(
            "A token endpoint needs starlette: run `pip install 'rtc_widget[token-server]'`."
        ) from None
    checked_provider(provider)
    _check_function(authenticate)
    if policy is not None and not isinstance(policy, SecretPolicy):
        raise ConfigurationError(f"policy is an rtc.SecretPolicy(…), not {policy!r}.")
    counter = _Counter(
        provider,
        authenticate=authenticate,
        origins=[_checked_origin(origin) for origin in _list(origins)],
        policy=SecretPolicy(max_per_minute=_PER_MINUTE) if policy is None else policy,
        session=default_session(**_fields(session)),
        audit=AuditFile(audit),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        provider.join()
        try:
            yield
        finally:
            await asyncio.wrap_future(submit(provider.leave()))

    routes = [Route("/token", counter.answer, methods=["POST", "OPTIONS"])]
    return Starlette(routes=routes, lifespan=lifespan)


class _Counter:
    """Answers one request after the other, each in full."""

    def __init__(
        self,
        provider: Provider,
        *,
        authenticate: Authenticate,
        origins: Sequence[str],
        policy: SecretPolicy,
        session: dict[str, Any],
        audit: AuditFile,
    ) -> None:
        self._provider = provider
        self._authenticate = authenticate
        self._origins = frozenset(origins)
        self._policy = policy
        self._session = provider.session_of(session)
        self._audit = audit
        self._rates: dict[str, Rate] = {}
        own_model = model_of(self._session)
        self._models = policy.models or ([own_model] if own_model is not None else [])
        if own_model is not None and own_model not in self._models:
            allowed = ", ".join(self._models)
            raise ConfigurationError(
                f"The session's model {own_model!r} is none that the policy allows: {allowed}."
            )
        self._check_models()

    def _check_models(self) -> None:
        """Refuse a model that the provider would change: a page would be told of another than it gets."""
        for model in self._models:
            minted = model_of(self._provider.session_of({**self._session, "model": model}))
            if minted != model:
                raise ConfigurationError(
                    f"The policy allows {model!r}, but every secret of {self._provider!r} is for {minted!r}. "
                    f"Right form: models=[{minted!r}], and an endpoint of its own for each other deployment."
                )

    async def answer(self, request: Request) -> Response:
        """Answer a page; every answer but a preflight is audited."""
        from starlette.responses import JSONResponse, Response

        asked = Asked(origin=request.headers.get("origin"), address=_address(request))
        if request.method == "OPTIONS":
            allowed = asked.origin in self._origins
            return Response(status_code=204 if allowed else 403, headers=self._cors(asked.origin))
        headers = {**self._cors(asked.origin), "Cache-Control": "no-store"}
        try:
            granted = await self._grant(request, asked)
            return JSONResponse(granted, headers=headers)
        except Refusal as refused:
            refusal = refused
        except Exception:  # noqa: BLE001 - whatever it is, the page gets an answer that it can read
            _log.exception("no client secret for a page")
            refusal = Refusal(500, "failed", "No client secret could be made. Try again later.")
        asked.outcome = f"refused: {refusal.status} {refusal.reason}"
        if refusal.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, round(refusal.retry_after_s + 0.5)))
        if refusal.status == _TIMED_OUT:
            headers["Connection"] = "close"  # else whoever goes on sending keeps the connection
        error = {"error": {"code": refusal.code, "message": refusal.reason}}
        try:
            await self._audit.write(asked)
        except OSError:
            _log.exception("a refusal is not in the audit")
        return JSONResponse(error, status_code=refusal.status, headers=headers)

    async def _grant(self, request: Request, asked: Asked) -> dict[str, Any]:
        if asked.origin not in self._origins:
            said = "sent no Origin" if asked.origin is None else f"is at {asked.origin!r}"
            raise Refusal(403, "wrong_origin", f"This page {said}; it may not ask for client secrets.")
        asked.user = await self._user(request)
        session = await read_asked(request, asked, self._session, self._models)
        try:
            self._rate(asked.user).take()
            secret = await asyncio.wrap_future(submit(self._mint(session, asked.user)))
        except PolicyRefusal as refusal:
            code = "too_many_requests" if refusal.retry_after_s is not None else "forbidden"
            raise Refusal(refusal.status or 403, code, refusal.reason, refusal.retry_after_s) from None
        except SecretError as error:
            # The service's own words are for whoever runs this, not for a page.
            asked.request_id = error.request_id
            _log.warning("no client secret for a page: %s", error.reason)
            raise Refusal(502, "no_secret", "The service minted no client secret. Try again later.") from None
        except ConnectionFailed as error:
            _log.warning("no client secret for a page: %s", error)
            raise Refusal(502, "no_service", "The service is not there. Try again later.") from None
        asked.expires_at, asked.request_id, asked.outcome = secret.expires_at, secret.request_id, "minted"
        await self._audit.write(asked)
        return {
            "value": secret.value,
            "expires_at": secret.expires_at,
            "calls_url": self._provider.calls_url,
            "model": asked.model,
        }

    async def _mint(self, session: dict[str, Any], user: str) -> Any:
        """Mint on the loop of our own, where a provider's connections live."""
        await self._provider.ready()
        own = self._provider.policy.seconds
        return await self._provider.mint(session, seconds=min(self._policy.seconds, own), requester=user)

    async def _user(self, request: Request) -> str:
        try:
            user: Any = self._authenticate(request)
            if inspect.isawaitable(user):
                user = await user
        except Exception:  # noqa: BLE001 - somebody's function; whatever it raises, nobody gets in
            _log.exception("authenticate failed")
            raise Refusal(500, "authentication_failed", "Who asks could not be found out.") from None
        if user is None or user == "" or user is False:
            raise Refusal(401, "not_authenticated", "Sign in first: this endpoint does not know who asks.")
        if not isinstance(user, str):
            _log.error("authenticate returned a %s, which is no user's name", type(user).__name__)
            raise Refusal(500, "authentication_failed", "Who asks could not be found out.")
        return user[:_LONGEST_NAME]

    def _rate(self, user: str) -> Rate:
        rate = self._rates.get(user)
        if rate is None:
            if len(self._rates) >= _MOST_USERS:
                self._rates = {name: kept for name, kept in self._rates.items() if not kept.is_idle}
            rate = self._rates[user] = Rate(self._policy.max_per_minute, "this user")
        return rate

    def _cors(self, origin: str | None) -> dict[str, str]:
        if origin is None or origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Expose-Headers": "Retry-After",
            "Access-Control-Max-Age": "600",
        }


def _address(request: Request) -> str | None:
    return None if request.client is None else request.client.host


def _check_function(authenticate: object) -> None:
    if not callable(authenticate):
        raise ConfigurationError(
            "authenticate is a function of the request that returns the user's name, or None for a stranger: "
            "a token endpoint without it would mint for everybody."
        )


def _list(origins: object) -> list[Any]:
    given = list(origins) if isinstance(origins, Sequence) and not isinstance(origins, str) else []
    if not given:
        raise ConfigurationError('origins lists the pages that may ask: origins=["https://app.example.com"].')
    return given


def _checked_origin(origin: object) -> str:
    right = "Right form: scheme, host and port as a browser sends them, https://app.example.com."
    if not isinstance(origin, str) or origin in {"*", "null"}:
        raise ConfigurationError(f"{origin!r} is no origin: every page would be let in. {right}")
    # As a browser says it: in small letters, and the port only where it is another than usual.
    scheme, _, place = origin.lower().partition("://")
    if scheme not in _PORTS or _PLACE.fullmatch(place) is None:
        raise ConfigurationError(f"{origin!r} is no origin. {right}")
    return f"{scheme}://{place.removesuffix(_PORTS[scheme])}"


def _fields(session: object) -> dict[str, Any]:
    from rtc_widget.experiments.variant import Variant

    if session is None:
        return {}
    if isinstance(session, Mapping) and all(isinstance(name, str) for name in session):
        return dict(session)
    if isinstance(session, Variant):
        return session.fields
    raise ConfigurationError(
        f'session is a dict of fields, {{"instructions": "…"}}, or an rtc.Variant, not {session!r}.'
    )
