"""What the tests of anonymise share: a store, a key's pseudonyms, and a scrubber that knows people."""

from pathlib import Path

import pytest

from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import KEY


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="session")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)
