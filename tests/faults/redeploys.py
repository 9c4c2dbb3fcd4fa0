"""What the system that redeploys development was asked for, and what it may have been asked for."""

import re
from collections import Counter
from pathlib import Path

from etna_pipelines.environments.history import MARK, Record
from etna_pipelines.stores.store import Store

PROGRAM = """\
serving=$(psql --no-psqlrc -At "$ETNA_DATABASE_URL" -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database
  WHERE datname = current_database()" | tr -d '\\n')
echo "$ETNA_PUSH_ID $serving" >> redeploys
echo 26.11.23
"""
"""It notes every order, with what served at that moment. (A real one honours the key of an order that is repeated.)"""


class Redeploys:
    """Every order, from first to last, against what the store remembers of the pushes that they follow."""

    def __init__(self, path: Path, store: Store) -> None:
        self._path, self._store = path, store
        self._looked_at = 0
        """Orders, by the last look."""
        self._unanswered: Counter[str] = Counter()
        """By key, the orders of which it is not known what became of them: each may be repeated."""
        self._failed: dict[str, int] = {}
        """By push, the last attempt that failed: another may follow."""
        self._newest = ""
        """The newest push, by the last look."""

    def orders(self) -> list[tuple[str, str]]:
        """The key of each, and what the database said of itself at that moment."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [(key, serving) for key, _, serving in (line.partition(" ") for line in lines)]

    def note(self, key: str, serving: str) -> None:
        """As the program does."""
        with self._path.open("a") as file:
            file.write(f"{key} {serving.replace(chr(10), '')}\n")

    def lose_reply(self, key: str) -> None:
        """To one order, in the middle of a run."""
        self._unanswered[key] += 1

    def look(self, *, is_done: bool) -> None:
        """Assert that each order came once, after its swap; and where the push `is_done`, that there was one."""
        orders, records = self.orders(), self._records()
        asked = Counter(key for key, _ in orders)
        assert asked <= Counter(dict.fromkeys(asked, 1)) + self._unanswered, "an order was repeated"
        for key, serving in orders[self._looked_at :]:
            push, attempt = _parts(key)
            assert push in records, "an order for no push, or for one of long ago"
            known = records[push].redeploy
            assert known and attempt <= known.attempt, "an order that is not recorded"
            served = [push, records[push].push.holds]
            assert serving.startswith(MARK), "a redeploy of what no push brought"
            assert any(f'"push": "{each}"' in serving for each in served), "a redeploy of what did not serve"
        self._looked_at = len(orders)
        for push, record in records.items():
            if redeploy := record.redeploy:
                key = push if redeploy.attempt == 1 else f"{push}-{redeploy.attempt}"
                assert redeploy.attempt <= 1 + self._failed.get(push, 0), "another attempt, and none has failed"
                assert asked[key] or not redeploy.succeeded, "nothing was redeployed"
                if redeploy.succeeded is False:
                    self._failed[push] = redeploy.attempt
                elif redeploy.succeeded is None and not redeploy.deployed:
                    self._unanswered[key] = asked[key]
        self._newest = max(records, default=self._newest)
        if is_done:
            last = records[self._newest].redeploy
            assert last and last.succeeded, "it was not redeployed"

    def _records(self) -> dict[str, Record]:
        """The pushes and rollbacks that orders may have followed since the last look: none is for an older one."""
        names = [item.key for item in self._store.list("pushes/development/")]
        found = [name for name in names if name.rpartition("/")[2].removesuffix(".json") >= self._newest]
        records = [Record.model_validate_json(b"".join(self._store.read(name))) for name in found]
        return {record.push.id: record for record in records}


def _parts(key: str) -> tuple[str, int]:
    """The push and the attempt of a key."""
    found = re.fullmatch(r"(\w+-\w+)(?:-(\d+))?", key)
    assert found, key
    return found[1], int(found[2] or 1)
