"""Messages that arrive, or whose sender says in one sentence why not: over real HTTP and SMTP."""

import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.alerts import channels as channels_module
from etna_pipelines.alerts.channels import Channel, Email, Slack, Webhook, beat, channels
from etna_pipelines.alerts.memory import Known
from etna_pipelines.alerts.message import Message, message, trial
from etna_pipelines.alerts.spec import AlertSecret, AlertsSpec
from etna_pipelines.alerts.trouble import Trouble
from etna_pipelines.errors import AlertFailed, SettingsError
from tests.alerts.receivers import PASSWORD, SECRET, SLACK_PATH, Mailbox, Service, certificate, mail_server
from tests.github_faults import Fault, broken, lost_reply, reset_connection, slow

NIGHT = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
TROUBLE = Trouble(
    key="run/nightly",
    subject="nightly",
    what="stripped_snapshot: 1 column has no rule: public.t.email <!channel> & more.",
    since=NIGHT,
    seen=NIGHT,
    works="development serves the data of 22 Nov 02:00 UTC",
    todo="write a rule.",
    link="https://dagster.example.org/runs/1",
)
FAILED = message("anybody", [Known(trouble=TROUBLE)])
TEXT = (
    "stripped_snapshot: 1 column has no rule: public.t.email <!channel> & more.\n"
    "Since: 23 Nov 02:05 UTC\n"
    "Still works: development serves the data of 22 Nov 02:00 UTC\n"
    "To do: write a rule.\n"
    "https://dagster.example.org/runs/1"
)


def secrets(**known: str) -> Callable[[AlertSecret], str | None]:
    return lambda name: known.get(name.removeprefix("alert_"))


def webhook(service: Service, secret: str = SECRET) -> Channel:
    [channel] = channels(_spec(webhook=f"{service.url}/alerts"), secrets(webhook_secret=secret))
    return channel


def slack(service: Service) -> Channel:
    [channel] = channels(_spec(slack="#etna"), secrets(slack_url=service.url + SLACK_PATH))
    return channel


def email(port: int, secret: str = PASSWORD, **more: str) -> Channel:
    server = {"email": ["operators@example.org"], "from": "etna@example.org", "host": "127.0.0.1", "port": port}
    [channel] = channels(_spec(**server, **more), secrets(smtp_password=secret))
    return channel


def _spec(**to: object) -> AlertsSpec:
    return AlertsSpec.model_validate({"to": [to]})


def test_a_webhook_gets_a_signed_post_that_says_everything(service: Service) -> None:
    webhook(service).post(FAILED)

    [sent] = service.http.seen
    assert sent.status == 200
    assert sent.headers["idempotency-key"] == FAILED.key
    assert sent.body["title"] == "etna: nightly failed"
    assert sent.body["text"] == f"nightly failed\n{TEXT}"
    assert sent.body["events"] == [
        {
            "key": "run/nightly",
            "state": "new",
            "title": "nightly failed",
            "text": TEXT,
            "since": "2026-11-23T02:05:00+00:00",
            "link": "https://dagster.example.org/runs/1",
        }
    ]


def test_slack_gets_text_in_which_nothing_is_slacks_own(service: Service) -> None:
    slack(service).post(FAILED)

    [body] = service.told(SLACK_PATH)
    assert body["text"].startswith("*etna: nightly failed*\nnightly failed\nstripped_snapshot: 1 column")
    assert "&lt;!channel&gt; &amp; more" in body["text"]


def test_an_e_mail_over_starttls_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with mail_server(pem) as mailbox:
        email(mailbox.port, user="etna").post(FAILED)
        with pytest.raises(AlertFailed, match=rf"127.0.0.1:{mailbox.port} answers 535"):
            email(mailbox.port, secret="guessed", user="etna").post(FAILED)
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(AlertFailed, match=r"cannot be spoken to \(SSLCertVerificationError\)"):
            email(mailbox.port, user="etna").post(FAILED)

    [letter] = mailbox.letters
    assert (letter["Subject"], letter["From"], letter["To"]) == (
        "etna: nightly failed",
        "etna@example.org",
        "operators@example.org",
    )
    assert letter.get_content().splitlines() == ["nightly failed", *TEXT.splitlines()]


def test_tls_from_the_first_byte_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with mail_server(pem, tls_at_once=True) as mailbox:
        email(mailbox.port, encryption="tls").post(FAILED)
    assert mailbox.subjects == ["etna: nightly failed"]


def test_a_password_never_goes_unencrypted(mailbox: Mailbox) -> None:
    """The server offers no STARTTLS, as one in between would have it."""
    with pytest.raises(AlertFailed, match=r"cannot be spoken to \(SMTPNotSupportedError\)"):
        email(mailbox.port, user="etna").post(FAILED)
    assert mailbox.letters == []


def test_a_server_on_this_machine_needs_no_encryption_and_may_refuse(mailbox: Mailbox) -> None:
    local = email(mailbox.port, encryption="none")
    local.post(trial())
    mailbox.refused = ["operators@example.org"]
    with pytest.raises(AlertFailed, match=r"^email operators@example\.org was not told"):
        local.post(trial())
    assert mailbox.subjects == ["etna: a test of the alerts"]


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (broken(500), "answers 500"),
        (broken(404), "answers 404"),
        (reset_connection(), r"does not answer \(\w+\)"),
        (lost_reply(), r"does not answer \(\w+\)"),
        (slow(1), r"does not answer \(ReadTimeout\)"),
    ],
    ids=["500", "404", "reset", "lost", "timeout"],
)
@pytest.mark.parametrize("kind", [webhook, slack])
def test_what_does_not_arrive_is_one_sentence_without_a_secret(
    service: Service,
    fault: Fault,
    what: str,
    kind: Callable[[Service], Channel],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(channels_module, "PATIENCE", 0.2)
    service.faults = [fault]
    channel = kind(service)

    with caplog.at_level(logging.DEBUG, "httpx"), pytest.raises(AlertFailed, match=what) as raised:
        channel.post(FAILED)

    assert str(raised.value).startswith(f"{channel.name} was not told: 127.0.0.1 ")
    for text in (str(raised.value), caplog.text, repr(channel)):
        assert SLACK_PATH not in text
        assert SECRET not in text


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(AlertFailed, match=r"does not answer \(ConnectError\)"):
            Webhook(f"http://127.0.0.1:{port}/alerts", secrets(webhook_secret=SECRET)).post(FAILED)
        with pytest.raises(AlertFailed, match=rf"127.0.0.1:{port} cannot be spoken to \(ConnectionRefusedError\)"):
            email(port).post(FAILED)
        with pytest.raises(AlertFailed, match=r"heartbeat was not told: 127.0.0.1 does not answer \(ConnectError\)"):
            beat(f"http://127.0.0.1:{port}/a-secret")


def test_a_wrong_signature_is_told_as_such(service: Service) -> None:
    with pytest.raises(AlertFailed, match="answers 401"):
        webhook(service, "another").post(FAILED)


@pytest.mark.parametrize(
    ("channel", "variable"),
    [
        (Slack("slack #etna", secrets()), "ETNA_ALERT_SLACK_URL"),
        (Slack("slack #etna", secrets(slack_url="not an address")), "ETNA_ALERT_SLACK_URL"),
        (Webhook("https://ops.example.org", secrets()), "ETNA_ALERT_WEBHOOK_SECRET"),
    ],
)
def test_a_secret_that_is_missing_or_wrong_is_named(channel: Channel, variable: str) -> None:
    with pytest.raises(SettingsError, match=variable) as raised:
        channel.post(FAILED)
    assert "not an address" not in str(raised.value)


def test_each_mailbox_is_a_channel_of_its_own() -> None:
    spec = AlertsSpec.model_validate(
        {
            "to": [
                {"slack": "#etna"},
                {"webhook": "https://ops.example.org/alerts"},
                {"webhook": "https://ops.example.org/alerts?token=a"},
                {"webhook": "https://ops.example.org/alerts?token=b"},
                {"webhook": "https://ops.example.org/alerts?token=b"},
                {"email": ["a@example.org", "b@example.org"], "from": "etna@example.org", "host": "smtp.example.org"},
            ]
        }
    )
    made = channels(spec, secrets())
    assert [channel.name for channel in made] == [
        "slack #etna",
        "webhook ops.example.org, bd0d48",
        "webhook ops.example.org, 170809",
        "webhook ops.example.org, c8d5af",
        "email a@example.org",
        "email b@example.org",
    ]
    assert isinstance(made[-1], Email)


def test_several_troubles_are_one_message() -> None:
    known = [
        Known(trouble=TROUBLE),
        Known(trouble=TROUBLE.model_copy(update={"subject": "refresh_staging"}), told={"slack": NIGHT}),
        Known(trouble=TROUBLE, told={"slack": NIGHT}, over=NIGHT, says="The run succeeded."),
    ]
    said: Message = message("slack", known)

    assert said.title == "etna: 1 new, 1 not well yet, 1 well again"
    assert [event.title for event in said.events] == [
        "nightly failed",
        "refresh_staging still fails",
        "nightly is well again",
    ]
    assert said.events[2].text == ("The run succeeded.\nThe trouble lasted from 23 Nov 02:05 UTC to 23 Nov 02:05 UTC.")
    assert said.key == message("slack", known).key != message("email", known).key
