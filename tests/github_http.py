"""The HTTP of tests/github_server.py, with its faults."""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.github_faults import Fault

Json = Any


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    """As sent, percent-encoded."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Json
    content: bytes = b""
    """The body as it was sent."""
    status: int = 0
    """What was answered; 0 where nothing was."""

    @property
    def line(self) -> str:
        """`GET /repos/a/b/tags?page=2`"""
        return f"{self.method} {self.path}" + (f"?{urlencode(self.query)}" if self.query else "")

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Reply:
    """What is sent back; no body at all for None."""

    status: int
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)


class HttpServer(ThreadingHTTPServer):
    """An HTTP server on loopback: `answer` decides, `fault_for` what goes wrong."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Request], Reply], fault_for: Callable[[Request], Fault | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.fault_for = fault_for
        self.seen: list[Request] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may leave when they want."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a reply in one piece: the kernel waits 40 ms before it sends a second one
    server: HttpServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        address = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(content) if content else None
        request = Request(self.command, address.path, dict(parse_qsl(address.query)), headers, body, content)
        self.server.seen.append(request)
        fault = self.server.fault_for(request) or Fault()
        fault.does()
        if fault.resets:
            return self._reset()
        if fault.status:
            reply = Reply(fault.status, {"message": fault.message}, dict(fault.headers))
        else:
            reply = self.server.answer(request)
            reply.headers |= fault.headers
        time.sleep(fault.delay)
        if fault.loses:
            return self._reset()
        request.status = reply.status
        return self._send(reply, fault)

    def _send(self, reply: Reply, fault: Fault) -> None:
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("content-type", "application/json; charset=utf-8")
        if reply.status not in (204, 304):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if fault.drips:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(fault.drips)
            return
        self.wfile.write(content[: len(content) // 2] if fault.cuts else content)
        self.close_connection = self.close_connection or fault.cuts

    def _reset(self) -> None:
        """Leave as a server does that dies: the other side gets `connection reset`."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest shows what fails."""
