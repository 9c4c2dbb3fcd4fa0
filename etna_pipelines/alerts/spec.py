"""What environments.yaml says under `alerts:`."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from etna_pipelines.addresses import LOOPBACK, refuse_in_the_clear
from etna_pipelines.strict_model import StrictModel, told_apart


def _check_url(url: str) -> str:
    if not url.startswith(("https://", "http://")) or "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("must be an address such as `https://ops.example.org/etna`, without credentials.")
    return url


def _check_mailbox(address: str) -> str:
    if not re.fullmatch(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+", address):
        raise ValueError("must be a plain e-mail address such as `operators@example.org`.")
    return address


AlertSecret = Literal["alert_slack_url", "alert_webhook_secret", "alert_smtp_password"]
"""The variables ETNA_ALERT_..., as settings.py calls them."""

Url = Annotated[str, AfterValidator(_check_url)]
Mailbox = Annotated[str, AfterValidator(_check_mailbox)]


class SlackTo(StrictModel):
    """Slack, by an incoming webhook; its address is a secret, the variable ETNA_ALERT_SLACK_URL."""

    slack: str
    """What people call the channel: `#etna`. Slack itself knows it by the address."""


class WebhookTo(StrictModel):
    """A POST of JSON, signed with ETNA_ALERT_WEBHOOK_SECRET."""

    webhook: Url
    plain_http: bool = False
    """Whether alerts may go unencrypted to another machine."""

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        refuse_in_the_clear(self.webhook, plain_http=self.plain_http)
        return self


class EmailTo(StrictModel):
    """E-mail; the password, if the server wants one, is ETNA_ALERT_SMTP_PASSWORD."""

    email: Annotated[list[Mailbox], Field(min_length=1)]
    sender: Mailbox = Field(alias="from")
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    user: str | None = None
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    """`tls` from the first byte on, as port 465 has it; `none` for a server on this machine."""

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        if self.user and self.encryption == "none":
            raise ValueError("has a `user`, whose password would go unencrypted: take out `encryption: none`.")
        if self.encryption == "none" and self.host not in LOOPBACK:
            raise ValueError("has `encryption: none`, which is for a server on this machine: take it out.")
        return self


def _check_slack(to: "list[To]") -> "list[To]":
    if sum(isinstance(each, SlackTo) for each in to) > 1:
        raise ValueError("has two with `slack`, and there is one ETNA_ALERT_SLACK_URL: both would tell one channel.")
    return to


To = Annotated[SlackTo | WebhookTo | EmailTo, told_apart("send an alert", SlackTo, WebhookTo, EmailTo)]


class AlertsSpec(StrictModel):
    """Who is told that something went wrong, and where its run can be looked at."""

    to: Annotated[list[To], AfterValidator(_check_slack)] = []
    webserver: Url | None = None
    """Where people reach Dagster's UI: alerts link to the run."""
    heartbeat: Url | None = None
    """Asked (GET) after every good night, so that somebody outside notices when even the alerts have stopped."""
    plain_http: bool = False
    """Whether the heartbeat may go unencrypted to another machine: its address may be all that it needs."""

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        refuse_in_the_clear(self.heartbeat or "", plain_http=self.plain_http, what="heartbeat")
        return self
