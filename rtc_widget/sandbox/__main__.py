"""`python -m rtc_widget.sandbox`: a Realtime service on this machine."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError
from rtc_widget.providers._credentials import KeyVariable
from rtc_widget.sandbox.wire import fresh_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget.sandbox.prompt import Brain

_HOST = "127.0.0.1"
_LAST_PORT = 65535
_LARGEST_MESSAGE_BYTES = 24 * 1024 * 1024
"""15 MiB of sound, the most that a client may append at once, and its base64."""
_INSTALL = "pip install 'rtc_widget[sandbox]'"
_log = logging.getLogger("rtc_widget.sandbox")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped.

    Parameters
    ----------
    arguments
        Of the command line; those of the process by default.

    Returns
    -------
    int
        0, or 2 when the sandbox cannot start; stderr then says why and what to do.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for name in ("aiortc", "aioice", "asyncio", "mcp", "uvicorn", "websockets"):
        logging.getLogger(name).setLevel(logging.INFO if options.verbose else logging.WARNING)
    # They log addresses, and an address may hold somebody's key.
    for name in ("httpx", "httpx2", "openai"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_no_refusal)
    try:
        # Ctrl-C stops it, as it should: uvicorn has closed everything by then.
        with contextlib.suppress(KeyboardInterrupt):
            _serve(options)
    except ConfigurationError as error:
        sys.stderr.write(f"The sandbox cannot start. {error}\n")
        return 2
    return 0


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn says of every refused WebSocket: that nothing had answered it."""
    return "without completing handshake" not in record.getMessage()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rtc_widget.sandbox",
        description="A local service that speaks the Realtime API. It prints its address and its key as one "
        "line of JSON, and then serves on 127.0.0.1. Set RTC_SANDBOX_KEY to choose the key.",
    )
    parser.add_argument("--port", type=int, default=8765, help="0: a free one (default: %(default)s)")
    parser.add_argument("--rules", type=Path, help="another file of rules for its brain")
    parser.add_argument(
        "--brain",
        metavar="URL",
        help="a model for its brain: an endpoint of the chat completions API, http://localhost:11434/v1 say, "
        "with --model; RTC_SANDBOX_BRAIN_KEY holds its key where it asks for one",
    )
    parser.add_argument("--model", help="what the model is called there")
    parser.add_argument(
        "--session-seconds",
        type=float,
        default=3600.0,
        help="how long a session may last (default: %(default)g)",
    )
    parser.add_argument(
        "--exit-with-stdin",
        action="store_true",
        help="stop when standard input closes: for who starts it by a pipe",
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser


def _serve(options: argparse.Namespace) -> None:
    try:
        import uvicorn
        import websockets  # noqa: F401 - uvicorn's half of a WebSocket

        from rtc_widget.sandbox.app import create_app
        from rtc_widget.sandbox.call import listen_on_loopback_only
    except ImportError as error:
        raise ConfigurationError(f"The package {error.name!r} is missing: {_INSTALL}.") from error
    from rtc_widget.sandbox import recognition, voice
    from rtc_widget.sandbox.detector import load_detector
    from rtc_widget.sandbox.keys import Keys
    from rtc_widget.sandbox.service import Sandbox

    brain = _brain(options)
    load_detector()
    voice.synthesise("Hello.")
    deaf_because = recognition.available()
    if deaf_because is None:
        recognition.warm_up()
    else:
        _log.warning("The sandbox hears that someone speaks, but not the words: %s", deaf_because)
    listen_on_loopback_only()
    listening = _listen(options.port)
    key = os.environ.get(KeyVariable.SANDBOX) or fresh_secret("sk-sandbox-")
    base_url = f"http://{_HOST}:{listening.getsockname()[1]}/v1"

    def announce() -> None:
        sys.stdout.write(json.dumps({"base_url": base_url, "key": key}) + "\n")
        sys.stdout.flush()
        _log.info("listening at %s", base_url)

    app = create_app(Sandbox(Keys(key), brain, options.session_seconds), announce)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
            ws="websockets-sansio",
            ws_max_size=_LARGEST_MESSAGE_BYTES,
        )
    )
    if options.exit_with_stdin:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    server.run(sockets=[listening])


def _brain(options: argparse.Namespace) -> Brain:
    from rtc_widget.sandbox.brain import DEFAULT_RULES, RuleBrain

    if options.brain is None:
        if options.model is not None:
            raise ConfigurationError("--model names a model of the endpoint that --brain gives: give both.")
        return RuleBrain(options.rules or DEFAULT_RULES)
    if options.model is None:
        raise ConfigurationError(f"Which model of {options.brain}? Name it with --model.")
    if options.rules is not None:
        raise ConfigurationError("A brain is made of --rules or is a model (--brain), not both.")
    if not options.brain.startswith(("http://", "https://")):
        raise ConfigurationError(f"--brain is an http or https URL, not {options.brain!r}.")
    from rtc_widget.sandbox.chat import ChatBrain

    return ChatBrain(options.brain, options.model, os.environ.get(KeyVariable.BRAIN, ""))


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"There is no port {port}: they go from 0 to {_LAST_PORT}.")
    try:
        listening = socket.create_server((_HOST, port))
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {_HOST} cannot be had ({error.strerror}): another sandbox may run there. "
            "Take another with --port, or --port 0 for a free one."
        ) from error
    # asyncio does so for sockets that it opens itself; without it every second answer waits 40 ms for an ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _stop_with_stdin(server: object) -> None:
    while sys.stdin is not None and sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
