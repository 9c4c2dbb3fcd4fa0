"""What may stand under `alerts:`, and what is said of the rest."""

from pathlib import Path

import pytest

from etna_pipelines.alerts.spec import EmailTo, SlackTo, WebhookTo
from etna_pipelines.errors import SettingsError
from etna_pipelines.settings import load

GOOD = """
alerts:
  webserver: https://dagster.example.org
  heartbeat: https://hc-ping.example.org/a-uuid
  to:
    - slack: "#etna"
    - webhook: https://ops.example.org/alerts
    - {email: [a@example.org, b@example.org], from: etna@example.org, host: smtp.example.org, user: etna}
"""


def test_each_kind_of_channel(fresh: Path) -> None:
    (fresh / "environments.yaml").write_text(GOOD)
    slack, webhook, email = load().alerts.to

    assert isinstance(slack, SlackTo)
    assert isinstance(webhook, WebhookTo)
    assert isinstance(email, EmailTo)
    assert (email.port, email.encryption) == (587, "starttls")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("to: [{slack: '#etna'}, {slack: '#quiet'}]", "two with `slack`, and there is one ETNA_ALERT_SLACK_URL"),
        ("heartbeat: http://hc.example.org/a-uuid", "has a `heartbeat` that begins with http://"),
    ],
)
def test_what_one_entry_alone_does_not_show(fresh: Path, said: str, says: str) -> None:
    (fresh / "environments.yaml").write_text(f"alerts:\n  {said}\n")
    with pytest.raises(SettingsError, match=says) as raised:
        load()
    assert "a-uuid" not in str(raised.value)
    (fresh / "environments.yaml").write_text("alerts: {heartbeat: 'http://hc.example.org', plain_http: true}\n")
    assert load().alerts.heartbeat


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("{pager: x}", "`pager`, which is no way to send an alert: use one of `slack`, `webhook`, `email`"),
        ("{webhook: https://me:secret@ops.example.org}", "without credentials"),
        ("{email: [a@b.org], from: nobody, host: h}", "plain e-mail address"),
        ("{email: [a@b.org], from: a@b.org, host: h, user: u, encryption: none}", "would go unencrypted"),
        ("{email: [], from: a@b.org, host: h}", "email"),
        ("{email: [a@b.org], from: a@b.org, host: smtp.b.org, encryption: none}", "for a server on this machine"),
        ("{webhook: http://ops.example.org}", "make it https://"),
    ],
)
def test_mistakes_are_told_with_their_line(fresh: Path, to: str, says: str) -> None:
    (fresh / "environments.yaml").write_text(f"alerts:\n  to:\n    - {to}\n")
    with pytest.raises(SettingsError, match=r"environments.yaml, line 3") as raised:
        load()
    assert says in str(raised.value)
    assert "me:secret" not in str(raised.value)
