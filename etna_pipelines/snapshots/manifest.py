"""The manifest: what a snapshot holds, written last, deleted first, signed.

A manifest is JSON, about `schema` (tables, columns, types, keys), `files` (bytes and SHA-256 of every file), where the
snapshot came from, which rules and key stripped it, and what the proof found. It never holds a row's value.

Formats: every manifest ever published stays readable. A field that is added has a default and belongs to the format of
the next release; older versions refuse that format by its number. The signature stands outside of formats: it covers
the JSON as it is written, so that every version can tell whether a manifest of any version is ours.
"""

import builtins
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from etna_pipelines.errors import SnapshotDamaged, SnapshotUnreadable
from etna_pipelines.keys import SigningKeys, key_id
from etna_pipelines.snapshots.subset_spec import Subset

FORMAT = 2
"""1: until November 2026. 2: `signed_by`."""

_WRITER = "manifest"
"""In a manifest's `versions`: the etna-pipelines that signed it."""

_KEY_ID = re.compile(r"[0-9a-f]{8}")

SUBSET = "-subset-"
"""In the id of a subset, before the digest of what it is of what."""

Kind = Literal["full", "stripped"]
KINDS: tuple[Kind, ...] = ("full", "stripped")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Model):
    """One column in COPY order. `type` is format_type()'s spelling, e.g. `character varying(150)`."""

    name: str
    type: str
    not_null: bool = False
    generated: bool = False
    """Generated columns are not in COPY's column list: they hold nothing of their own."""
    category: str = ""
    """typcategory of the type or of a domain's base: S string, N numeric, B boolean, D date, A array, U other ..."""
    base_type: str = ""
    """What a domain is made of in the end, spelt like `type`; empty where the type is no domain."""
    labels: list[str] = []
    """The labels of an enum (or of the enum that a domain, or an array, is made of), in order."""
    default: str = ""
    """The SQL of its DEFAULT; of a generated column, of what it is made from."""
    identity: bool = False


class Check(_Model):
    """A CHECK constraint: `CHECK ((size > 0))`. A domain's speaks of VALUE and is that of each column of the domain."""

    name: str
    sql: str
    columns: list[str]


class PartialKey(_Model):
    """What keeps those rows apart for which some SQL is true."""

    columns: list[str]
    where: str


class Table(_Model):
    """A table with data of its own. `columns` hold what COPY holds, in its order, generated ones last."""

    oid: int
    schema_name: str
    name: str
    columns: list[Column]
    primary_key: list[str] = []
    uniques: list[list[str]] = []
    """Column lists of the other unique constraints and unique indexes; an expression stands as its SQL text."""
    nulls_equal: list[list[str]] = []
    """Those of `uniques` in which NULL equals NULL."""
    partial: list[PartialKey] = []
    """Those of `uniques` and `exclusions` that are about some rows alone."""
    checks: list[Check] = []
    exclusions: list[list[str]] = []
    """Column lists of exclusion constraints; an expression stands as its SQL text."""
    partition_key: list[str] = []
    """Columns (or SQL of expressions) by which the table that it is a partition of is divided."""
    partition_of: list[str] = []
    """The partitioned tables that it is a part of, as `schema.table`, the nearest first."""
    rows: int | None = None

    @property
    def qualified(self) -> str:
        """`schema.table`, as rules, messages and metadata name it."""
        return f"{self.schema_name}.{self.name}"

    @property
    def copied(self) -> list[Column]:
        """The columns that stand in the archive's table file, in order."""
        return [column for column in self.columns if not column.generated]


class ForeignKey(_Model):
    name: str
    table: str
    columns: list[str]
    references: str
    referenced_columns: list[str]


class DatabaseSchema(_Model):
    """What the catalogue said in the dump's own exported snapshot."""

    tables: list[Table]
    foreign_keys: list[ForeignKey] = []
    extensions: list[str] = []
    schemas: list[str] = []
    unsupported: list[str] = []
    """Objects that may hold values and that no rule can name: `large objects (3)`, `foreign server x` ..."""

    def table(self, qualified: str) -> Table | None:
        return next((table for table in self.tables if table.qualified == qualified), None)


class Slice(_Model):
    """A run of a table file's members that can be read and checked by itself: the unit in which work is shared out."""

    members: int
    rows: int
    sha256: str


class ArchiveFile(_Model):
    """One file of the archive as stored. A table's file is gzip of independent members that end at newlines."""

    name: str
    bytes: int
    sha256: str
    table: str | None = None
    rows: int | None = None
    raw_bytes: int | None = None
    members: list[int] = []
    """Compressed bytes of each gzip member, in order: where the file can be cut. Empty where it is not ours to cut."""
    slices: list[Slice] = []
    """Its members in several runs; empty for a file that is read in one."""


class Source(_Model):
    environment: str
    database: str
    system_identifier: str
    server_version: str
    encoding: str


class RulesUsed(_Model):
    files: list[str]
    digest: str
    key_id: str
    """What tells one masking key from another (see keys.key_id)."""
    key_name: str = ""
    """The name that people gave the key, if any."""
    faker: str = ""
    """Faker's version: with another, the pools of names that pseudonyms are picked from may differ."""


class MaskedColumn(_Model):
    table: str
    column: str
    mask: str
    values: int


class Finding(_Model):
    """A place where the proof found something, never what it found."""

    table: str
    column: str
    kind: str
    count: int


class Scanned(_Model):
    """What the proof read of one table, or of what is no table: `schema` (toc.dat) and other files by their names."""

    what: str
    bytes: int
    """Uncompressed."""
    decoded: int = 0
    """Bytes that were read once more with encodings undone: surroundings of escapes, what base64 holds ..."""


class Proof(_Model):
    """What was searched for originals, for what, and what was found or allowed."""

    passed: bool
    scanned_bytes: int
    scanned_files: int
    scanned: list[Scanned] = []
    """By table, in the archive's order."""
    encodings: list[str] = []
    """Names of the encodings that were undone wherever they stood, within each other too."""
    originals: int
    """How many distinct originals of identifying columns were looked for."""
    kinds: dict[str, int] = {}
    """Those by their kind: `names, usernames and secrets`, `e-mail addresses`, `phone numbers`."""
    share: float = 1.0
    """Which share of all originals that is: a fair sample where a set held more than memory is spent on."""
    ambiguous: int = 0
    """Full names that are left out because they are somebody's pseudonym too: to find one proves nothing."""
    unsearched: int = 0
    """Secrets that are not looked for: so short, or so plain, that they are found by chance."""
    allowed: dict[str, int] = {}
    """What was found and may be there, each with the reason, and how often: `e-mail at x.org, one of public: domains`,
    `e-mail at example.com, made by the strip`, `word, one of public: words`, `1f2e3d4c..., one of public: hashes`."""
    findings: list[Finding] = []
    of: str | None = None
    """Of a subset: the whole snapshot that was searched. A subset holds nothing but rows of it, byte for byte."""


class SubsetOf(_Model):
    """What a snapshot that is a subset is of the whole one, its parent."""

    subset: Subset
    rows: dict[str, int]
    """By table the rows that the whole one has, where rows were left out."""


class Manifest(_Model):
    format: int = FORMAT
    id: str
    kind: Kind
    parent: str | None = None
    created: datetime
    seconds: float = 0
    source: Source
    versions: dict[str, str]
    schema_: DatabaseSchema = Field(alias="schema")
    files: list[ArchiveFile]
    rules: RulesUsed | None = None
    masked: list[MaskedColumn] = []
    emptied: list[str] = []
    skipped: list[str] = []
    """Tables that were left out, and `large objects`."""
    unlisted: list[str] = []
    """Columns that no rule names and that stayed as they were, as `unlisted: keep` has it: `schema.table.column`."""
    proof: Proof | None = None
    part: SubsetOf | None = None
    """Set where this is a subset of the snapshot `parent`."""
    signed_by: str = ""
    """The id of the key that signed this (see keys.key_id); empty in format 1."""
    hmac: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def prefix(self) -> str:
        """Where the snapshot's objects stand in the store: `full/<id>`."""
        return f"{self.kind}/{self.id}"

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def rows(self) -> int:
        return sum(file.rows or 0 for file in self.files)

    def archive_key(self, name: str) -> str:
        return f"{self.prefix}/archive/{name}"

    def signed(self, keys: SigningKeys | builtins.bytes) -> "Manifest":
        """Signed with the newest of `keys`, in this version's format."""
        key = keys.newest if isinstance(keys, SigningKeys) else keys
        versions = {**self.versions, _WRITER: version("etna-pipelines")}
        unsigned = self.model_copy(
            update={"format": FORMAT, "versions": versions, "signed_by": key_id(key), "hmac": ""}
        )
        return unsigned.model_copy(update={"hmac": _mac(json.loads(unsigned.to_bytes()), key)})

    def to_bytes(self) -> builtins.bytes:
        return self.model_dump_json(by_alias=True, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: builtins.bytes, keys: SigningKeys | builtins.bytes, where: str) -> "Manifest":
        """Read and authenticate a manifest: what is not ours is not looked into. Messages name `where`.

        Raises SnapshotDamaged; SnapshotUnreadable where it is of a newer format, or signed with a key not among `keys`.
        """
        said = _said(data, where)
        try:
            _authenticate(said, keys if isinstance(keys, SigningKeys) else SigningKeys(keys), where)
        except RecursionError:  # what can just be read may be nested too deeply to be written
            raise _not_readable(where) from None
        format_ = said.get("format")
        if isinstance(format_, int) and format_ > FORMAT:
            raise SnapshotUnreadable(
                f"{where}: the manifest has format {format_} and this version reads 1 to {FORMAT}: "
                f"use etna-pipelines {_writer(said)} or newer."
            )
        try:
            return cls.model_validate(said)
        except ValidationError:
            raise _not_readable(where) from None


def new_id(now: datetime | None = None) -> str:
    """An id that sorts by time and never repeats: `20261123T020000123456Z-1f0c9a`."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}"


def time_of(id_: str) -> datetime | None:
    """The moment of an id that `new_id` made; None for any other text."""
    try:
        return datetime.strptime(id_.partition("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _said(data: bytes, where: str) -> dict[str, object]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise _not_readable(where) from None
    if not isinstance(said, dict):
        raise _not_readable(where)
    return said


def _authenticate(said: Mapping[str, object], keys: SigningKeys, where: str) -> None:
    id_, written = str(said.get("signed_by", "")), str(said.get("hmac", ""))
    candidates = keys.of(id_)
    claimed = written.encode(errors="backslashreplace")  # JSON may hold what is no Unicode
    if any(hmac.compare_digest(claimed, _mac(said, key).encode()) for key in candidates):
        return
    if not candidates and _KEY_ID.fullmatch(id_):
        raise SnapshotUnreadable(
            f"{where}: the manifest says that the key {id_} signed it, and there is only {' and '.join(keys.ids)}: "
            "set ETNA_SIGNING_KEY to that key, or add it to ETNA_OLD_SIGNING_KEYS."
        )
    raise SnapshotDamaged(
        f"{where}: the manifest was changed after it was written, or signed with another key than "
        f"{' and '.join(keys.ids)}: check ETNA_SIGNING_KEY, else do not use this snapshot."
    )


def _writer(said: Mapping[str, object]) -> str:
    """The version that wrote a manifest."""
    versions = said.get("versions")
    return str(versions.get(_WRITER, "that wrote it")) if isinstance(versions, dict) else "that wrote it"


def _not_readable(where: str) -> SnapshotDamaged:
    return SnapshotDamaged(
        f"{where}: the manifest is not readable: delete this snapshot, or restore the file from a copy."
    )


def _mac(said: Mapping[str, object], signing_key: bytes) -> str:
    """HMAC-SHA-256 over a manifest's canonical JSON (sorted keys, no spaces) without its `hmac`.

    Of what is written, not of what this version knows: a manifest stays valid when later versions know more fields.
    """
    signed = {name: value for name, value in said.items() if name != "hmac"}
    canonical = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(signing_key, canonical.encode(), hashlib.sha256).hexdigest()
