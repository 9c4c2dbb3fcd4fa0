"""Leaving tables and large objects out of an archive: which entries of its table of contents go with them."""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Table
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


def entries_of_tables(entries: Collection[Entry], tables: Iterable[Table]) -> set[int]:
    """The dump ids of all that goes with the tables. Raises RulesError where something that stays needs one of them."""
    oids = {table.oid: table for table in tables}
    names = {(table.schema_name, table.name) for table in oids.values()}
    gone = {entry.dump_id for entry in entries if entry.kind in ("TABLE", "TABLE DATA") and entry.oid in oids}
    while True:
        needing = [entry for entry in entries if entry.dump_id not in gone and not gone.isdisjoint(entry.dependencies)]
        going = {entry.dump_id for entry in needing if _goes(entry, names)}
        if not going:
            break
        gone |= going
    if needing:
        listed = ", ".join(sorted({entry.name for entry in needing}))
        left_out = ", ".join(sorted(table.qualified for table in oids.values()))
        raise RulesError(
            f"Tables are left out by `data: skip` ({left_out}) that the schema still needs, for {listed}: "
            "say `data: empty` for such a table, or remove what needs it from production."
        )
    return gone


def entries_of_large_objects(entries: Iterable[Entry]) -> set[int]:
    """The dump ids of the large objects, with what is said of them."""
    return {
        entry.dump_id
        for entry in entries
        if entry.kind in _LARGE_OBJECTS
        or (entry.kind in ("ACL", "COMMENT", "SECURITY LABEL") and entry.tag.startswith("LARGE OBJECT"))
    }


def holds_large_objects(file: str) -> bool:
    """Whether an archive's file is one of those that hold large objects or list them."""
    return any(fnmatchcase(file, pattern) for pattern in _LARGE_OBJECT_FILES)


def _goes(entry: Entry, tables: set[tuple[str, str]]) -> bool:
    """Whether an entry goes when something that it needs does."""
    if entry.kind in _OF_ITS_TABLE:
        return any(
            entry.namespace == schema and (entry.tag == table or entry.tag.startswith(f"{table} "))
            for schema, table in tables
        )
    return entry.kind in _OF_WHAT_IT_NEEDS
