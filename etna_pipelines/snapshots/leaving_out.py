"""Leaving tables and large objects out of an archive: which entries of its table of contents go with them."""

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import ArchiveFile, DatabaseSchema, Table
from etna_pipelines.snapshots.toc import Entry

_OF_WHAT_IT_NEEDS = {
    "ACL", "COMMENT", "INDEX", "INDEX ATTACH", "PUBLICATION TABLE", "SECURITY LABEL", "SEQUENCE", "SEQUENCE OWNED BY",
    "SEQUENCE SET", "STATISTICS", "STATISTICS DATA", "TABLE ATTACH", "TABLE DATA",
}  # fmt: skip
"""Entries that go with any one thing they need: pg_dump lets a sequence need the table that owns it."""

_OF_ITS_TABLE = {
    "CHECK CONSTRAINT", "CONSTRAINT", "DEFAULT", "FK CONSTRAINT", "POLICY", "ROW SECURITY", "RULE", "TRIGGER",
}  # fmt: skip
"""Entries whose tag begins with the table that they are of; they may need other tables too."""

_LARGE_OBJECTS = {"BLOB", "BLOBS", "BLOB COMMENTS", "BLOB METADATA"}
_LARGE_OBJECT_FILES = ("blobs.toc", "blobs_*.toc", "blob_*.dat*")


@dataclass(frozen=True)
class LeftOut:
    """What a new archive lacks of an old one."""

    tables: list[Table]
    large_objects: bool

    @property
    def names(self) -> list[str]:
        """For people: `schema.table`, and `large objects`."""
        return [table.qualified for table in self.tables] + (["large objects"] if self.large_objects else [])

    @cached_property
    def _gone(self) -> frozenset[str]:
        return frozenset(table.qualified for table in self.tables)

    def entries(self, entries: Collection[Entry]) -> set[int]:
        """The dump ids of all that goes. Raises RulesError where something that stays needs a table that goes."""
        gone = _with_tables(entries, self.tables)
        return gone | _with_large_objects(entries) if self.large_objects else gone

    def keeps(self, file: ArchiveFile) -> bool:
        """Whether a file of the archive stays."""
        if file.table is not None:
            return file.table not in self._gone
        return not (self.large_objects and any(fnmatchcase(file.name, pattern) for pattern in _LARGE_OBJECT_FILES))

    def schema(self, schema: DatabaseSchema) -> DatabaseSchema:
        """What is left of the schema."""
        keys = [key for key in schema.foreign_keys if self._gone.isdisjoint((key.table, key.references))]
        held = [what for what in schema.unsupported if not (self.large_objects and what.startswith("large objects"))]
        return schema.model_copy(
            update={
                "tables": [table for table in schema.tables if table.qualified not in self._gone],
                "foreign_keys": keys,
                "unsupported": held,
            }
        )


def _with_tables(entries: Collection[Entry], tables: list[Table]) -> set[int]:
    oids = {table.oid for table in tables}
    names = {(table.schema_name, table.name) for table in tables}
    gone = {entry.dump_id for entry in entries if entry.kind in ("TABLE", "TABLE DATA") and entry.oid in oids}
    while True:
        needing = [entry for entry in entries if entry.dump_id not in gone and not gone.isdisjoint(entry.dependencies)]
        going = {entry.dump_id for entry in needing if _goes(entry, names)}
        if not going:
            break
        gone |= going
    if needing:
        listed = ", ".join(sorted({entry.name for entry in needing}))
        left_out = ", ".join(sorted(table.qualified for table in tables))
        raise RulesError(
            f"What stays needs what `data: skip` leaves out ({left_out}): {listed}. "
            "Say `data: empty` for such a table, or remove what needs it from production."
        )
    return gone


def _with_large_objects(entries: Collection[Entry]) -> set[int]:
    return {
        entry.dump_id
        for entry in entries
        if entry.kind in _LARGE_OBJECTS
        or (entry.kind in ("ACL", "COMMENT", "SECURITY LABEL") and entry.tag.startswith("LARGE OBJECT"))
    }


def _goes(entry: Entry, tables: set[tuple[str, str]]) -> bool:
    """Whether an entry goes when something that it needs does."""
    if entry.kind in _OF_ITS_TABLE:
        return any(
            entry.namespace == schema and (entry.tag == table or entry.tag.startswith(f"{table} "))
            for schema, table in tables
        )
    return entry.kind in _OF_WHAT_IT_NEEDS
