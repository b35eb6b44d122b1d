"""`python -m rtc_widget token-server`: the token endpoint as a service of its own."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import socket
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError, ProtocolError
from rtc_widget.providers import Compatible, OpenAI, Provider, Sandbox, SecretPolicy, default_provider
from rtc_widget.token_server.users import bearer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_LAST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped.

    Parameters
    ----------
    arguments
        Of the command line, after `token-server`; those of the process by default.

    Returns
    -------
    int
        0, or 2 when it cannot start; stderr then says why and what to do.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _serve(options)
    except (ConfigurationError, ProtocolError) as error:  # the latter of what the session's file holds
        sys.stderr.write(f"The token server cannot start. {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rtc_widget token-server",
        description="Mints client secrets for pages outside the notebook: POST /token. It prints its address "
        "as one line of JSON. The standard key comes from the environment, as everywhere.",
    )
    add = parser.add_argument
    add("--origin", action="append", required=True, help="a page that may ask; once for each")
    add("--users", required=True, help="file of lines `name token`: who may ask, by Bearer token")
    add("--provider", choices=("default", "openai", "sandbox", "compatible"), default="default")
    add("--base-url", help="of the provider")
    add("--session", type=Path, help="JSON file of the session's fields, flat or nested")
    add("--seconds", type=int, default=30, help="life of a secret (default: %(default)s)")
    add("--max-per-minute", type=int, default=10, help="secrets of a user (default: %(default)s)")
    add("--model", action="append", help="a model that may be chosen; once for each")
    add("--audit", default="rtc_tokens.jsonl", help="file of the audit (default: %(default)s)")
    add(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address or network of a reverse proxy in front of it; once for each. The X-Forwarded-For of a "
        "request that comes from there says whose address the audit has (default: nobody's does)",
    )
    add("--host", default="127.0.0.1", help="to listen at (default: %(default)s)")
    add("--port", type=int, default=8787, help="0: a free one (default: %(default)s)")
    return parser


def _serve(options: argparse.Namespace) -> None:
    try:
        import uvicorn
    except ImportError as error:
        raise ConfigurationError(
            f"The package {error.name!r} is missing: pip install 'rtc_widget[token-server]'."
        ) from None
    from rtc_widget.token_server.app import token_app

    app = token_app(
        _provider(options),
        authenticate=bearer_of(options.users),
        origins=options.origin,
        policy=SecretPolicy(options.seconds, options.max_per_minute, models=options.model),
        session=_session(options.session),
        audit=options.audit,
    )
    proxies = [_checked_proxy(address) for address in options.trusted_proxy]
    listening = _listen(options.host, options.port)
    host, port = listening.getsockname()[:2]
    sys.stdout.write(json.dumps({"url": f"http://{host}:{port}/token"}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _provider(options: argparse.Namespace) -> Provider:
    base_url = options.base_url
    if options.provider == "openai":
        return OpenAI(base_url=base_url)
    if options.provider == "sandbox":
        return Sandbox(base_url)
    if options.provider == "compatible":
        return Compatible(base_url or "")
    if base_url is not None:
        raise ConfigurationError("--base-url needs --provider: whose address is it?")
    return default_provider()


def _session(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The session's file {path} cannot be read: {error}.") from None
    if not isinstance(fields, dict):
        raise ConfigurationError(f"The session's file {path} holds no JSON object of fields.")
    return fields


def _checked_proxy(address: str) -> str:
    try:
        return str(ip_network(address, strict=False))
    except ValueError:
        raise ConfigurationError(
            f"--trusted-proxy is an address or a network, 10.0.0.7 or 10.0.0.0/24, not {address!r}."
        ) from None


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"There is no port {port}: they go from 0 to {_LAST_PORT}.")
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigurationError(f"{host}:{port} cannot be had: {error.strerror}.") from None
