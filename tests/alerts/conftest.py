"""Receivers of alerts."""

from collections.abc import Iterator

import pytest

from tests.alerts.receivers import Mailbox, Service, mail_server


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with service.http.running():
        yield service


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Of a server on this machine, which asks for no password."""
    with mail_server(None) as mailbox:
        yield mailbox
