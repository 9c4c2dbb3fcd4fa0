"""One checkout for all flows: the demo's production at a small scale, and two nights."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from etna_pipelines.demo.production import seed
from etna_pipelines.environments.history import Record
from tests.flows.checkout import Checkout

SCALE = 0.04  # from here on there is somebody whom only logs still know


@dataclass(frozen=True)
class Night:
    """A run of `nightly` in a terminal, and how things stood after it."""

    snapshots: str
    """What `etna snapshots` said."""
    newest: str
    serving: str | None
    released: dict[str, str]
    records: list[Record]


@pytest.fixture(scope="session")
def seeded_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    checkout = Checkout.make(tmp_path_factory.mktemp("checkout"))
    checkout.server.ensure_running()
    try:
        seed(checkout.database("production"), scale=SCALE)
        yield checkout
    finally:
        checkout.server.stop()


@pytest.fixture(scope="session")
def nights(seeded_checkout: Checkout) -> list[Night]:
    """Two nights, one after the other, with nothing done in between."""
    return [_night(seeded_checkout), _night(seeded_checkout)]


@pytest.fixture
def demo_checkout(seeded_checkout: Checkout, nights: list[Night]) -> Checkout:
    """The checkout after its two nights. A test that changes its production puts it back."""
    return seeded_checkout


def _night(checkout: Checkout) -> Night:
    done = checkout.nightly()
    assert done.returncode == 0, done.stdout + done.stderr
    return Night(
        snapshots=checkout.etna("snapshots").stdout,
        newest=checkout.catalogue.ids("stripped")[-1],
        serving=checkout.serving(),
        released=checkout.released(),
        records=checkout.records(),
    )
