"""What a release's migrations made of a database's tables: the same questions asked before and after them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.schema import IN_USER_SCHEMA
from etna_pipelines.releases.watching import MODES, Lock

# Columns and constraints by what they are, not by the names of what they refer to: a rename alters nobody else.
SHAPE = """
    hashtextextended(concat(
        (SELECT string_agg(concat_ws(' ', attnum, attname, atttypid, atttypmod, attcollation, attnotnull, attidentity,
                                     attgenerated, pg_get_expr(adbin, adrelid)), ',' ORDER BY attnum)
           FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
          WHERE attrelid = c.oid AND attnum > 0),
        (SELECT string_agg(concat_ws(' ', conname, contype, convalidated, condeferrable, conkey, confrelid, confkey,
                                     pg_get_expr(conbin, conrelid)), ',' ORDER BY o.oid)
           FROM pg_constraint o WHERE conrelid = c.oid)), 0)"""
TABLES = f"""
    SELECT c.oid, n.nspname || '.' || c.relname, c.relfilenode, {SHAPE}, coalesce(pg_total_relation_size(c.oid), 0),
           coalesce(pg_stat_get_tuples_inserted(c.oid), 0), coalesce(pg_stat_get_tuples_updated(c.oid), 0),
           coalesce(pg_stat_get_tuples_deleted(c.oid), 0),
           ARRAY(SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE indrelid = c.oid)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm') AND {IN_USER_SCHEMA}"""
NONE = Lock(MODES[0], 0.0)


@dataclass(frozen=True)
class TableState:
    """A table as it stands."""

    name: str
    file: int
    """Another one once it was rewritten or truncated."""
    shape: int
    """A digest of its columns and constraints: another one once it was altered, however short its lock was."""
    bytes: int
    """Its indexes and its long values included."""
    inserted: int
    updated: int
    deleted: int
    indexes: list[str]


class TableChange(BaseModel):
    """What became of a table, and what an application would have waited for meanwhile."""

    model_config = ConfigDict(frozen=True)

    table: str
    what: str
    """`made`, `dropped`, `renamed from ...`, `altered`, `rewritten`, several of these or none."""
    lock: str
    """The strongest lock that it was seen under."""
    blocks: str
    held: float
    """Seconds that it was, at a stretch."""
    inserted: int
    updated: int
    deleted: int
    """Rows, those of transactions that were rolled back included."""
    bytes_before: int
    bytes_after: int
    indexes_made: list[str]
    indexes_dropped: list[str]

    @property
    def is_one(self) -> bool:
        """Whether there is anything to tell."""
        touched = self.what or self.inserted or self.updated or self.deleted
        return bool(touched or self.indexes_made or self.indexes_dropped or self.blocks != "nothing")


def read_tables(connection: Connection) -> Mapping[int, TableState]:
    """The tables of a database, by oid: what stays the same when one is renamed or rewritten."""
    return {oid: TableState(*rest) for oid, *rest in connection.execute(TABLES)}


def changes(
    before: Mapping[int, TableState], after: Mapping[int, TableState], locks: Mapping[int, Lock]
) -> list[TableChange]:
    """The tables that something became of; those that an application would have waited for longest come first."""
    # Nobody waits for a table that was not there.
    found = [
        _change(before.get(oid), after.get(oid), locks.get(oid, NONE) if oid in before else NONE)
        for oid in before.keys() | after.keys()
    ]
    return sorted(
        (change for change in found if change.is_one),
        key=lambda change: (-(change.held if change.blocks != "nothing" else 0.0), change.table),
    )


def _change(before: TableState | None, after: TableState | None, lock: Lock) -> TableChange:
    nothing = TableState("", 0, 0, 0, 0, 0, 0, [])
    old, new = before or nothing, after or nothing
    return TableChange(
        table=new.name or old.name,
        what=_what(before, after),
        lock=lock.mode,
        blocks=lock.blocks,
        held=lock.seconds,
        inserted=max(new.inserted - old.inserted, 0),
        updated=max(new.updated - old.updated, 0),
        deleted=max(new.deleted - old.deleted, 0),
        bytes_before=old.bytes,
        bytes_after=new.bytes,
        indexes_made=sorted(set(new.indexes) - set(old.indexes)) if before else [],
        indexes_dropped=sorted(set(old.indexes) - set(new.indexes)) if after else [],
    )


def _what(before: TableState | None, after: TableState | None) -> str:
    if before is None:
        return "made"
    if after is None:
        return "dropped"
    found = {
        f"renamed from {before.name}": before.name != after.name,
        "altered": before.shape != after.shape,
        "rewritten": before.file != after.file,
    }
    return ", ".join(what for what, is_so in found.items() if is_so)
