"""Where alerts go: each configured address is a channel of its own, which fails alone.

A webhook gets JSON, signed as redeploy/webhook.py describes it, with an `Idempotency-Key` that is the same for every
try of one message. It answers 2xx once it has it."""

import hashlib
import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Protocol
from urllib.parse import urlsplit

from etna_pipelines.alerts.message import Message
from etna_pipelines.alerts.spec import AlertSecret, AlertsSpec, EmailTo, SlackTo, WebhookTo
from etna_pipelines.errors import AlertFailed, SettingsError
from etna_pipelines.redeploy.webhook import signed

Secret = Callable[[AlertSecret], str | None]

PATIENCE = 10.0
"""Seconds for an answer. A message that got none is sent again at the next tick."""


class Channel(Protocol):
    """One place that is told."""

    @property
    def name(self) -> str:
        """What people call it, and what is remembered of it: nothing secret."""
        ...

    def post(self, message: Message) -> None:
        """Raises AlertFailed where it may not have arrived, SettingsError where a secret is missing."""
        ...


@dataclass(frozen=True)
class Slack:
    """An incoming webhook of Slack's."""

    name: str
    """`slack #etna`, as environments.yaml calls it."""
    secret: Secret = field(repr=False)

    def post(self, message: Message) -> None:
        url = self.secret("alert_slack_url") or ""
        if not url.startswith(("https://", "http://")):
            raise _missing("ETNA_ALERT_SLACK_URL", self.name, "the address of an incoming webhook")
        said = f"*{_escaped(message.title)}*\n{_escaped(message.text)}"
        _send("POST", url, self.name, json.dumps({"text": said}).encode())


@dataclass(frozen=True)
class Webhook:
    """A service of one's own."""

    url: str
    secret: Secret = field(repr=False)

    @property
    def name(self) -> str:
        address = urlsplit(self.url)
        rest = address._replace(scheme="", netloc="").geturl()  # what stands in a path or a query may be a token
        return f"webhook {address.netloc}, {hashlib.sha256(rest.encode()).hexdigest()[:6]}"

    def post(self, message: Message) -> None:
        if not (secret := self.secret("alert_webhook_secret")):
            raise _missing("ETNA_ALERT_WEBHOOK_SECRET", self.name, "what its receiver checks signatures with")
        body = json.dumps(asdict(message) | {"text": message.text}).encode()
        _send("POST", self.url, self.name, body, {"Idempotency-Key": message.key} | signed(secret, body))


@dataclass(frozen=True)
class Email:
    """One person's, or one list's, mailbox."""

    address: str
    server: EmailTo
    secret: Secret = field(repr=False)

    @property
    def name(self) -> str:
        return f"email {self.address}"

    def post(self, message: Message) -> None:
        password = self.secret("alert_smtp_password") if self.server.user else None
        if self.server.user and not password:
            raise _missing("ETNA_ALERT_SMTP_PASSWORD", self.name, f"the password of {self.server.user}")
        try:
            with self._connected() as connection:
                if self.server.encryption == "starttls":
                    connection.starttls(context=ssl.create_default_context())
                if self.server.user and password:
                    connection.login(self.server.user, password)
                connection.send_message(self._letter(message))
        except (smtplib.SMTPException, OSError, ValueError) as error:  # their texts may quote the password
            code = getattr(error, "smtp_code", None)
            what = f"answers {code}" if code else f"cannot be spoken to ({type(error).__name__})"
            raise AlertFailed(
                f"{self.name} was not told: {self.server.host}:{self.server.port} {what}; check `alerts` in "
                "environments.yaml and ETNA_ALERT_SMTP_PASSWORD."
            ) from None

    def _connected(self) -> smtplib.SMTP:
        server = self.server
        if server.encryption == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=PATIENCE, context=ssl.create_default_context())
        return smtplib.SMTP(server.host, server.port, timeout=PATIENCE)

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = message.title
        letter["From"] = self.server.sender
        letter["To"] = self.address
        letter["Date"] = formatdate()
        letter["Message-ID"] = f"<{message.key}.{self.address}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: out-of-office replies stay away
        letter.set_content(message.text)
        return letter


def channels(spec: AlertsSpec, secret: Secret) -> list[Channel]:
    """Everyone who is told. Connects to nothing: a secret is asked for when it is used, so that one that cannot be had
    keeps nobody else from being told."""

    def each() -> Iterator[Channel]:
        for to in spec.to:
            if isinstance(to, SlackTo):
                yield Slack(f"slack {to.slack}", secret)
            elif isinstance(to, WebhookTo):
                yield Webhook(to.webhook, secret)
            else:
                yield from (Email(address, to, secret) for address in to.email)

    return list({channel.name: channel for channel in each()}.values())


def beat(url: str) -> None:
    """Send the heartbeat. Raises AlertFailed."""
    _send("GET", url, "heartbeat")


def _send(method: str, url: str, name: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> None:
    import httpx

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses, which are secrets here
    try:
        sent = httpx.request(
            method, url, content=body, headers={"Content-Type": "application/json", **(headers or {})}, timeout=PATIENCE
        )
        what = None if sent.is_success else f"answers {sent.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"does not answer ({type(error).__name__})"
    if what:
        raise AlertFailed(f"{name} was not told: {urlsplit(url).hostname} {what}; check `alerts` in environments.yaml.")


def _missing(variable: str, name: str, purpose: str) -> SettingsError:
    return SettingsError(
        f"{variable} is not set, or not right, and {name} needs it: set the variable, or a line of .env, to {purpose}."
    )


def _escaped(text: str) -> str:
    """The three characters that are Slack's own: `<!channel>` would wake everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
