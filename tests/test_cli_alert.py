"""`etna alert`."""

from pathlib import Path

import pytest

from tests.alerts.receivers import SECRET, Mailbox, Service
from tests.commands import Etna

SETTINGS = """
alerts:
  to:
    - webhook: {url}/alerts
    - {{email: [operators@example.org], from: etna@example.org, host: 127.0.0.1, port: {port}, encryption: none}}
    - slack: "#etna"
"""


def test_a_test_says_which_arrived(
    etna: Etna, fresh: Path, service: Service, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fresh / "environments.yaml").write_text(SETTINGS.format(url=service.url, port=mailbox.port))
    monkeypatch.setenv("ETNA_ALERT_WEBHOOK_SECRET", SECRET)

    ended = etna("alert", "--test")

    assert ended.code == 1
    said = " ".join(ended.out.split())
    assert f"✓ webhook 127.0.0.1:{service.http.server_address[1]}, bd0d48 has the test message" in said
    assert "✓ email operators@example.org has the test message" in said
    assert "✗ ETNA_ALERT_SLACK_URL is not set, or not right, and slack #etna needs it" in said
    assert service.titles() == mailbox.subjects == ["etna: a test of the alerts"]

    monkeypatch.setenv("ETNA_ALERT_SLACK_URL", service.url)
    assert etna("alert", "--test").code == 0
    assert etna("alert").out.splitlines()[1:] == ["email operators@example.org", "slack #etna"]
    assert len(service.titles()) == 2


def test_nobody_to_tell(etna: Etna) -> None:
    ended = etna("alert", "--test")
    assert (ended.code, ended.err) == (
        1,
        "environments.yaml says nobody under `alerts.to`: name a channel, see ENVIRONMENTS.md.\n",
    )
