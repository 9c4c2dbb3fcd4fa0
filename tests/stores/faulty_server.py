"""An HTTP server in front of a real one, for the faults that a network and a server have."""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Reply:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_at: int | None = None
    """Close the connection after this many bytes of the body."""


class Proxy(ThreadingHTTPServer):
    """An HTTP server in front of another; `answer` decides what becomes of a request, None closes the connection."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.seen: list[Request] = []
        self.answer: Callable[[Request], Reply | None] = self.forward

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forward(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        connection.request(request.method, request.path, request.body, headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Reply(response.status, dict(response.getheaders()), body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        request = Request(self.command, self.path, headers, body)
        self.server.seen.append(request)
        reply = self.server.answer(request)
        if reply is None:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        length = reply.headers.pop("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(reply.body if reply.cut_at is None else reply.body[: reply.cut_at])
        if reply.cut_at is not None:
            self.close_connection = True
