"""A small HTTP service on 127.0.0.1 that answers as a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """Answers are given in order; the last one is repeated."""

    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    base_url: str = ""
    pause_s: float = 0.0
    """Between one byte of an answer's body and the next."""

    keeps: bool = False
    """Whether connections stay, as those of a service do: then a test lets its provider go."""

    def answer(self, status: int, body: Any, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, body))


def serve(service: Service) -> ThreadingHTTPServer:
    """Start it on a free port; stop it with `shutdown()` and `server_close()`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            service.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answers = service.answers
            status, headers, content = answers.pop(0) if len(answers) > 1 else answers[0]
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            data = text if isinstance(text, bytes) else text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            if not service.keeps:
                self.send_header("connection", "close")
            self.end_headers()
            if not service.pause_s:
                self.wfile.write(data)
                return
            with contextlib.suppress(OSError):  # whoever asked has gone
                for byte in data:
                    self.wfile.write(bytes([byte]))
                    time.sleep(service.pause_s)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    # It looks this often whether it shall stop; by itself it takes half a second to notice.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server
