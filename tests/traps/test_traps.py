"""Traps that PostgreSQL lays for whoever masks an archive: each a directory of three files that goes through a night.

`setup.sql` makes the production, `rules.yaml` are its rules. Then either `expected.sql` says what is true of the
database that the stripped snapshot is restored into, one query after each comment; or `expected.txt` how the strip is
refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import Night

TRAPS = sorted(path.parent for path in Path(__file__).parent.glob("[0-9][0-9]-*/setup.sql"))
PEOPLE = ("Featherstone", "bigcorp", "Gwenllian")
"""Whom every setup.sql is about: no message may name them."""


@pytest.fixture
def night(database: Database, tmp_path: Path) -> Night:
    return Night(database, LocalStore(tmp_path / "store"), tmp_path)


def queries(text: str) -> Iterator[tuple[str, str]]:
    """Each comment with the query after it."""
    for said, query in re.findall(r"((?:^-- .*\n)+)((?:(?!-- ).*\n)+)", text, re.M):
        yield said.strip(), query.strip()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_trap(trap: Path, night: Night) -> None:
    night.execute((trap / "setup.sql").read_text())
    rules = (trap / "rules.yaml").read_text()
    if (trap / "expected.txt").exists():
        with pytest.raises(EtnaError) as refused:
            night.stripped(rules)
        assert (trap / "expected.txt").read_text().strip() in str(refused.value)
        assert not [name for name in PEOPLE if name in str(refused.value)]
        return
    stripped = night.stripped(rules)
    assert night.prove(stripped, rules).findings == []
    night.restored(stripped.draft)
    expected = list(queries((trap / "expected.sql").read_text()))
    assert expected
    with night.database.connect() as connection:
        for says, query in expected:
            assert connection.execute(query).fetchall() == [(True,)], says
