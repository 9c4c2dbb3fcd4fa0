"""Those who are told: a real HTTP service that checks signatures, and a real SMTP server, both on loopback."""

import datetime
import hashlib
import hmac
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.github_faults import Fault
from tests.github_http import HttpServer, Json, Reply, Request

SECRET = "between the two of us"
PASSWORD = "the mail server's own"
SLACK_PATH = "/services/T000/B000/a-secret"
VARIABLES = {
    "ETNA_ALERT_WEBHOOK_SECRET": SECRET,
    "ETNA_ALERT_SMTP_PASSWORD": PASSWORD,
}


@dataclass
class Service:
    """A webhook, a Slack and a heartbeat; each fault is met by one request."""

    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = HttpServer(self.answer, self.fault_for)

    def answer(self, request: Request) -> Reply:
        if request.path == "/alerts" and not _is_signed(request):
            return Reply(401)
        return Reply(200)

    def fault_for(self, request: Request) -> Fault | None:
        on = [fault for fault in self.faults if fault.on in request.line]
        if on:
            self.faults.remove(on[0])
        return on[0] if on else None

    @property
    def url(self) -> str:
        return self.http.url

    def told(self, path: str = "/alerts") -> list[Json]:
        """The bodies that arrived and were answered with 200."""
        return [each.body for each in self.http.seen if each.path == path and each.status == 200]

    def titles(self, path: str = "/alerts") -> list[str]:
        return [body["title"] for body in self.told(path)]


def _is_signed(request: Request) -> bool:
    timestamp, signature = request.headers["x-etna-timestamp"], request.headers["x-etna-signature-256"]
    expected = hmac.digest(SECRET.encode(), timestamp.encode() + b"." + request.content, hashlib.sha256).hex()
    return hmac.compare_digest(signature, f"sha256={expected}") and abs(time.time() - int(timestamp)) < 300


@dataclass
class Mailbox:
    """What an SMTP server took in; it refuses the addresses in `refused`."""

    port: int
    letters: list[EmailMessage] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, EmailMessage, policy=policy.default)
        assert letter["To"] == ", ".join(envelope.rcpt_tos)
        self.letters.append(letter)
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters]


@contextmanager
def mail_server(certificate: Path | None, tls_at_once: bool = False) -> Iterator[Mailbox]:
    """With a certificate: STARTTLS and a password are asked for; or nothing but TLS from the first byte on."""
    mailbox = Mailbox(_free_port())

    def is_known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"etna", PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": mailbox.port}
    if certificate:
        tls.load_cert_chain(certificate)
    if tls_at_once:
        options |= {"ssl_context": tls}
    elif certificate:
        options |= {"tls_context": tls, "require_starttls": True, "auth_required": True, "authenticator": is_known}
    controller = Controller(mailbox, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def _free_port() -> int:
    """The controller wants to be told one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def certificate(directory: Path) -> Path:
    """Of 127.0.0.1, by nobody but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "smtp.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
