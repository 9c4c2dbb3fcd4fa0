"""The page on a stripped snapshot: what it says is what the manifests say."""

from html.parser import HTMLParser

from etna_pipelines.anonymise.help.report import page
from etna_pipelines.snapshots.manifest import (
    ArchiveFile,
    Column,
    DatabaseSchema,
    Finding,
    Manifest,
    MaskedColumn,
    Proof,
    Scanned,
)
from tests.anonymise.nights import column, table
from tests.snapshots.samples import FAILED, draft

PERSON = table("person", column("id", "integer"), column("email"), column("town"), column("at", "date"))
LOG = table("page_log", "label")
MOOD = table("mood", Column(name="mood", type="public.mood", labels=["sad"]), column("note"))


def file(name: str, raw: int, rows: int) -> ArchiveFile:
    return ArchiveFile(name=f"{name}.dat.gz", bytes=1, sha256="0", table=f"public.{name}", rows=rows, raw_bytes=raw)


FULL = draft().model_copy(update={"files": [file("person", 600, 10), file("page_log", 300, 7), file("mood", 100, 3)]})
STRIPPED = draft(kind="stripped").model_copy(
    update={
        "parent": FULL.id,
        "schema_": DatabaseSchema(tables=[PERSON, LOG, MOOD]),
        "files": [file("person", 500, 10), file("page_log", 6, 0), file("mood", 100, 3)],
        "masked": [
            MaskedColumn(table="public.person", column="email", mask="email", values=1234),
            MaskedColumn(table="public.mood", column="note", mask="set(<swordfish>)", values=3),
        ],
        "emptied": ["public.page_log"],
        "proof": Proof(
            passed=True,
            scanned_bytes=606,
            scanned_files=4,
            scanned=[Scanned(what="public.person", bytes=500, decoded=20)],
            encodings=["base64", "JSON"],
            originals=1230,
            kinds={"e-mail addresses": 1230},
            share=0.25,
            unsearched=7,
            allowed={"e-mail at <b>.org, one of public: domains": 5},
        ),
    }
)


class _Text(HTMLParser):
    """What a reader sees, in one line; and every tag."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._said: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._said.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self._said).split())


def told(stripped: Manifest, full: Manifest | None = FULL) -> str:
    return _Text(page(stripped, full)).said


def test_it_says_what_the_manifests_say() -> None:
    said = told(STRIPPED)

    assert "Passed: none of 1,230 originals was found in 606 bytes." in said
    assert "1,237 values in 2 columns." in said
    assert "email an address at example.com, where no mail arrives" in said
    assert "public.person 1,234 email email 1,234" in said
    assert "public.page_log emptied 7 300 bytes" in said
    assert "tables emptied or left out 300 bytes" in said
    assert "1 integer, 1 date, 1 a choice from a list" in said
    assert "public.person town" in said
    assert "Encodings undone base64, JSON, within each other too" in said
    assert "1,230 distinct originals: 1,230 e-mail addresses" in said
    assert "25 % of all originals" in said
    assert "e-mail at <b>.org, one of public: domains 5" in said
    assert "From full snapshot " + FULL.id in said
    assert "Rules' digest d Key k" in said


def test_what_was_not_looked_for_is_said() -> None:
    assert "7 secrets so short or plain" in page(STRIPPED, FULL)


def test_arguments_that_may_be_values_are_left_out() -> None:
    assert "swordfish" not in page(STRIPPED, FULL)


def test_it_needs_nothing_besides_itself() -> None:
    tags = _Text(page(STRIPPED, FULL)).tags

    assert {tag for tag, _ in tags}.isdisjoint({"script", "img", "iframe", "object"})
    assert not any({"href", "src"} & attributes.keys() for _, attributes in tags)


def test_without_the_full_snapshot_it_tells_less() -> None:
    said = told(STRIPPED, None)

    assert "public.page_log emptied" in said
    assert "tables emptied or left out" not in said


def test_a_failed_proof_says_where_never_what() -> None:
    found = FAILED.model_copy(
        update={"findings": [Finding(table="public.t", column="c", kind="original name", count=2)]}
    )

    said = told(STRIPPED.model_copy(update={"proof": found}))

    assert "Failed: the proof found what must not be there, and the snapshot was not published." in said
    assert "public.t c original name 2" in said
    assert "Nothing proves this snapshot" in told(STRIPPED.model_copy(update={"proof": None}))
