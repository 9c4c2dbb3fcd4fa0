from collections.abc import Callable, Iterable
from pathlib import Path

import faker
import pytest

from etna_pipelines.errors import ArchiveMalformed, EtnaError, RulesError, SnapshotDamaged, StoreRefused
from etna_pipelines.keys import key_id
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Tick
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import KEY, Night, cut_anew

PEOPLE = r"""
    CREATE TABLE person (
        id int PRIMARY KEY, first text, size int GENERATED ALWAYS AS (length(email)) STORED, last text,
        email varchar(60) UNIQUE, note text, born date, paid numeric);
    INSERT INTO person (id, first, last, email, note, born, paid) VALUES
        (1, 'Jane', 'Featherstone', 'jane@bigcorp.com', E'tab\there, back\\slash, \N and \\.', '1980-01-02', 1.10),
        (2, 'Siân', 'Llŷr', 'sian@bigcorp.com', NULL, NULL, 'NaN'),
        (3, NULL, NULL, NULL, '', NULL, NULL),
        (4, '', '', '', E'new\nline by Jane Featherstone', NULL, 99999999999999999999.00);
    CREATE TABLE note (id int, person int REFERENCES person, body jsonb);
    INSERT INTO note VALUES (1, 1, '{"by": "Jane Featherstone", "n": 1.10, "to": ["sian@bigcorp.com"]}');
    CREATE TABLE untouched (id int, body text);
    INSERT INTO untouched VALUES (1, 'Jane Featherstone'), (2, E'\t\n\\'), (3, NULL);
    CREATE TABLE session (id int PRIMARY KEY, data text);
    INSERT INTO session SELECT i, 'secret ' || i FROM generate_series(1, 10) i;
    CREATE SEQUENCE counter START 42;
"""
RULES = """
columns: {id: keep, person: keep}
tables:
  person:
    keep: [born, paid, note]
    columns: {first: fake(first), last: fake(last), email: email}
  note: {columns: {body: scrub}}
  untouched: {keep: [body]}
  session: {data: empty}
"""


@pytest.fixture
def night(database: Database, store: LocalStore, tmp_path: Path) -> Night:
    return Night(database, store, tmp_path)


@pytest.fixture
def refused(night: Night) -> Callable[..., str]:
    """What a strip says that fails, after which the store holds what it held before."""

    def refused(rules: str, error: type[EtnaError], full: Manifest | None = None) -> str:
        full = full or night.backup()
        before = list(night.store.list(""))
        with pytest.raises(error) as raised:
            night.stripped(rules, full)
        assert list(night.store.list("")) == before
        assert "bigcorp" not in str(raised.value)
        return str(raised.value)

    return refused


def file_of(manifest: Manifest, table: str) -> ArchiveFile:
    [file] = [file for file in manifest.files if file.table == table]
    return file


def test_ruled_columns_are_masked_and_all_others_are_as_they_were(night: Night) -> None:
    night.execute(PEOPLE)
    others = "SELECT id, note, born, paid::text FROM person ORDER BY id"
    kept, untouched = night.rows(others), night.rows("SELECT * FROM untouched")
    stripped = night.stripped(RULES).draft

    night.restored(stripped)
    assert night.rows(others) == kept
    assert night.rows("SELECT * FROM untouched") == untouched
    assert night.rows("SELECT count(*) FROM session") == [(0,)]
    assert night.rows("SELECT nextval('counter')") == [(42,)]
    assert night.rows("SELECT size = length(email) FROM person WHERE email <> ''") == [(True,), (True,)]
    jane, sian, nobody, empty = night.rows("SELECT first, last, email FROM person ORDER BY id")
    assert (nobody, empty) == ((None, None, None), ("", "", ""))
    assert all(str(email).endswith("@example.com") for _, _, email in (jane, sian))
    assert not {"Jane", "Featherstone", "Siân", "Llŷr"} & {*jane, *sian}
    [(by, to, n)] = night.rows("SELECT body->>'by', body->'to'->>0, body->>'n' FROM note")
    assert (by, to, n) == (f"{jane[0]} {jane[1]}", sian[2], "1.10")


def test_what_no_rule_changes_is_the_same_file(night: Night) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    stripped = night.stripped(RULES, full).draft
    assert file_of(stripped, "public.untouched") == file_of(full, "public.untouched")
    unchanged = {file.name: file.sha256 for file in full.files} == {file.name: file.sha256 for file in stripped.files}
    assert not unchanged
    toc = [{file.name: file for file in manifest.files}["toc.dat"] for manifest in (full, stripped)]
    assert toc[0] == toc[1]


def test_columns_beside_a_masked_one_pass_byte_for_byte(night: Night) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    stripped = night.stripped(RULES, full).draft
    before, after = ([line.split("\t") for line in night.lines(each, "public.person")] for each in (full, stripped))
    assert [[fields[0], *fields[4:]] for fields in after] == [[fields[0], *fields[4:]] for fields in before]
    assert [fields[1:4] for fields in after] != [fields[1:4] for fields in before]
    assert night.raw(stripped, "public.person").endswith(archive.TERMINATOR)


def test_the_draft_tells_what_was_done(night: Night) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    draft = night.stripped(RULES, full).draft
    assert (draft.kind, draft.parent, draft.source) == ("stripped", full.id, full.source)
    assert draft.id > full.id
    assert draft.rules is not None
    assert (draft.rules.files, draft.rules.key_id) == (["rules.yaml"], key_id(KEY))
    assert draft.rules.faker == faker.VERSION
    assert {(masked.table, masked.column): (masked.mask, masked.values) for masked in draft.masked} == {
        ("public.person", "first"): ("fake(first)", 3),
        ("public.person", "last"): ("fake(last)", 3),
        ("public.person", "email"): ("email", 3),
        ("public.note", "body"): ("scrub", 1),
    }
    assert draft.emptied == ["public.session"]
    assert {table.qualified: table.rows for table in draft.schema_.tables} == {
        "public.note": 1, "public.person": 4, "public.session": 0, "public.untouched": 3,
    }  # fmt: skip
    assert file_of(draft, "public.session").rows == 0
    assert "bigcorp" not in draft.model_dump_json()
    assert KEY.hex() not in draft.model_dump_json()


def test_the_full_snapshot_stays_as_it_was(night: Night) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    before = {item.key: b"".join(night.store.read(item.key)) for item in night.store.list("full/")}
    night.stripped(RULES, full)
    assert {item.key: b"".join(night.store.read(item.key)) for item in night.store.list("full/")} == before


def test_the_same_key_makes_the_same_archive_and_another_another(night: Night) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    first, second, other = (night.stripped(RULES, full, key=key).draft for key in (KEY, KEY, bytes(32)))
    assert first.files == second.files
    assert first.id != second.id
    emails = [{line.split("\t")[3] for line in night.lines(each, "public.person")} for each in (first, other)]
    assert emails[0] & emails[1] == {"\\N", ""}


MANY = """
    CREATE TABLE person (email text, id int, note text);
    INSERT INTO person SELECT 'p' || i || '@bigcorp.com', i, repeat(md5(i::text), 8) FROM generate_series(1, 20000) i;
    INSERT INTO person VALUES ('', 0, ''), (NULL, NULL, NULL);
"""
MANY_RULES = "columns: {id: keep, email: email}\ntables: {person: {keep: [note]}}"


def test_any_number_of_workers_makes_the_same_archive(night: Night) -> None:
    night.execute(MANY)
    full = night.backup()
    assert len(file_of(full, "public.person").members) > 1
    archives = [night.stripped(MANY_RULES, full, workers=workers).draft.files for workers in (1, 2, 4)]
    assert archives[0] == archives[1] == archives[2]
    restored = night.restored(night.stripped(MANY_RULES, full).draft)
    assert restored.rows("SELECT count(*), count(DISTINCT email), sum(id) FROM person") == [(20002, 20001, 200010000)]


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("terminator", [[b"\\.\n\n\n"], [b"", b"\\.\n\n\n"], [b"\\.\n", b"\n\n"], [b"\\.\n\n", b"\n"]])
def test_any_size_of_blocks_makes_the_same_rows(night: Night, size: int, terminator: list[bytes]) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    before = night.stripped(RULES, full).draft
    after = night.stripped(RULES, cut_anew(night, full, size, terminator)).draft
    for table in ("public.person", "public.note"):
        assert night.raw(after, table) == night.raw(before, table)


ODD = {
    "empty_strings": ("(a text)", ["('')", "('')", "(NULL)", "('')"]),
    "no_rows": ("(a text)", []),
    "one_null": ("(a text)", ["(NULL)"]),
    "order_marks": ("(a text, b text)", ["(E'\\ufeff', '')", "(E'\\ufeffx', 'y')"]),
    "terminators": ("(a text)", [r"('\.')", r"(E'\\.\n\n\n')", r"('\N')", "(E'\\n')"]),
    "generated": ("(g int GENERATED ALWAYS AS (1) STORED)", ["(DEFAULT)", "(DEFAULT)"]),
    "generated_first": ("(g int GENERATED ALWAYS AS (length(a)) STORED, a text)", ["(DEFAULT, 'xy')"]),
}


def test_odd_tables_keep_their_rows(night: Night) -> None:
    tables = [*ODD, "without_columns"]
    for name, (columns, rows) in ODD.items():
        night.execute(f"CREATE TABLE {name} {columns}" + "".join(f"; INSERT INTO {name} VALUES {row}" for row in rows))
    night.execute("CREATE TABLE without_columns (); INSERT INTO without_columns DEFAULT VALUES")
    before = {name: night.rows(f"SELECT * FROM {name}") for name in tables}
    night.restored(night.stripped("columns: {a: scrub, b: hash}").draft)
    after = {name: night.rows(f"SELECT * FROM {name}") for name in tables}
    masked = [(a, b and "...") for a, b in after["order_marks"]]
    assert masked == [("\ufeff", ""), ("\ufeffx", "...")]
    assert {**after, "order_marks": before["order_marks"]} == before


def test_two_people_in_a_row_are_both_known(night: Night) -> None:
    night.execute(
        """CREATE TABLE pair (first text, last text, other_first text, other_last text, maiden text, body text);
        INSERT INTO pair VALUES ('Ann', 'Lee', 'Bo', 'Quillfeather', 'Zweigenthal',
                                 'Ann Lee, Bo Quillfeather and Zweigenthal')"""
    )
    night.restored(
        night.stripped(
            """columns: {first: fake(first), last: fake(last), other_first: fake(first), other_last: fake(last),
            maiden: fake(last), body: scrub}"""
        ).draft
    )
    [(first, last, other_first, other_last, maiden, body)] = night.rows("SELECT * FROM pair")
    assert body == f"{first} {last}, {other_first} {other_last} and {maiden}"


def test_a_megabyte_in_a_value_is_scrubbed_whole(night: Night) -> None:
    night.execute(
        "CREATE TABLE t (a text, b jsonb); INSERT INTO t SELECT x || ' jane@bigcorp.com ' || x || E'\\n', "
        "jsonb_build_object('x', x || ' jane@bigcorp.com') FROM (SELECT repeat('Llŷr was here. ', 70000) AS x) y"
    )
    night.restored(night.stripped("columns: {a: scrub, b: scrub}").draft)
    [(a, b)] = night.rows("SELECT a, b->>'x' FROM t")
    text = "Llŷr was here. " * 70000
    assert str(a).startswith(f"{text} ")
    assert str(a).endswith(f"@example.com {text}\n")
    assert str(b).startswith(f"{text} ")
    assert "bigcorp" not in f"{a}{b}"


def test_people_of_any_table_are_known_in_every_other(night: Night) -> None:
    night.execute(
        """CREATE TABLE a_page (body text); CREATE TABLE z_person (name text);
        INSERT INTO a_page VALUES ('by Zebedee Quillfeather and others'); INSERT INTO z_person VALUES
        ('Zebedee Quillfeather')"""
    )
    night.restored(night.stripped("columns: {body: scrub, name: fake(name)}").draft)
    [(body, name)] = night.rows("SELECT body, name FROM a_page, z_person")
    assert body == f"by {name} and others"
    assert "Quillfeather" not in str(body)


def test_people_inside_documents_are_known_everywhere_and_searched_for(night: Night) -> None:
    night.execute(
        """CREATE TABLE page (body text, said text); CREATE TABLE team (people jsonb);
        INSERT INTO page VALUES ('by Zebedee Quillfeather and others', 'nothing');
        INSERT INTO team VALUES ('{"people": [{"name": "Zebedee Quillfeather"}]}')"""
    )
    rules = """
        tables:
          page: {keep: [said], columns: {body: scrub}}
          team: {columns: {people: {mask: keep, "$.people[*].name": fake(name)}}}
        """
    full = night.backup()
    stripped = night.stripped(rules, full)
    assert night.prove(stripped, rules).findings == []
    weak = rules.replace("[said], columns: {body: scrub}", "[said, body]")
    assert [finding.table for finding in night.prove(night.stripped(weak, full), weak).findings] == ["public.page"]
    night.restored(stripped.draft)
    [(body, name)] = night.rows("SELECT body, people->'people'->0->>'name' FROM page, team")
    assert body == f"by {name} and others"
    assert "Quillfeather" not in str(body)


def test_a_column_that_no_rule_names_stops_before_any_data_is_read(
    night: Night, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    night.execute(PEOPLE)
    full = night.backup()

    def read(*arguments: object) -> None:
        raise AssertionError("data was read")

    monkeypatch.setattr(LocalStore, "read", read)
    message = refused(RULES.replace("note]", "]"), RulesError, full)
    assert "public.person.note (try `scrub`)" in message


def test_people_in_the_schema_stop_the_strip(night: Night, refused: Callable[..., str]) -> None:
    night.execute("CREATE TABLE t (id int); COMMENT ON TABLE t IS 'ask ann@bigcorp.com'")
    assert "COMMENT public.TABLE t (email)" in refused("columns: {id: keep}", RulesError)


@pytest.mark.parametrize("table", ["public.person", "public.note", "public.session"])
def test_a_damaged_file_leaves_nothing_of_a_strip(night: Night, refused: Callable[..., str], table: str) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    key = full.archive_key(file_of(full, table).name)
    data = b"".join(night.store.read(key))
    for damaged in (bytes([*data[:-9], data[-9] ^ 1, *data[-8:]]), data[:-4], data + b"x", b""):
        night.store.put(key, [damaged])
        if table == "public.session":  # what is emptied is not read
            night.stripped(RULES, full)
        else:
            refused(RULES, SnapshotDamaged, full)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (b"1\tJane\n", ArchiveMalformed),
        (b"1\tJane\tFeather\tjane@bigcorp.com\t\xff\t\\N\t\\N\n", ArchiveMalformed),
        (b"1\tJane\tFeatherstone\tjane@bigcorp.com\tx\t\\N\t\\N\n", SnapshotDamaged),  # one row of four
    ],
)
def test_rows_that_are_not_the_schema_s_are_refused_with_their_table(
    night: Night, refused: Callable[..., str], rows: bytes, error: type[EtnaError]
) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    file = file_of(full, "public.person")
    tally = archive.Tally()
    night.store.put(full.archive_key(file.name), [tally.add(archive.compress(b), b) for b in [rows + archive.EMPTY]])
    update = {"bytes": tally.bytes, "sha256": tally.sha256, "members": tally.members}
    files = [each.model_copy(update=update) if each == file else each for each in full.files]
    message = refused(RULES, error, full.model_copy(update={"files": files}))
    assert "public.person" in message
    assert "Jane" not in message


@pytest.mark.parametrize("puts", [1, 2, 3])
def test_a_store_that_refuses_in_the_middle_keeps_nothing_of_the_strip(
    night: Night, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, puts: int
) -> None:
    night.execute(PEOPLE)
    full = night.backup()
    real, count = LocalStore.put, 0

    def put(self: LocalStore, key: str, chunks: Iterable[bytes]) -> int:
        nonlocal count
        count += 1
        if count == puts:
            raise StoreRefused("No space.")
        return real(self, key, chunks)

    monkeypatch.setattr(LocalStore, "put", put)
    assert refused(RULES, StoreRefused, full) == "No space."


def test_a_store_that_goes_away_is_told_as_what_it_did_first(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.execute(PEOPLE)
    full = night.backup()

    def refuse(message: str) -> Callable[..., None]:
        def refused(*arguments: object) -> None:
            raise StoreRefused(message)

        return refused

    monkeypatch.setattr(LocalStore, "put", refuse("No space."))
    monkeypatch.setattr(LocalStore, "list", refuse("No connection."))
    with pytest.raises(StoreRefused, match="No space"):
        night.stripped(RULES, full)


def test_progress_goes_up_to_all_bytes_and_tables(night: Night) -> None:
    from etna_pipelines.anonymise.engine import strip
    from tests.anonymise.nights import written_rules

    night.execute(PEOPLE)
    full = night.backup()
    ticks: list[Tick] = []
    strip(full, night.store, written_rules(night.tmp_path, RULES), masking_key=KEY, progress=ticks.append)
    assert [tick.done for tick in ticks] == sorted(tick.done for tick in ticks)
    assert (ticks[-1].tables_done, ticks[-1].tables) == (4, 4)
    assert 0 < ticks[-1].done <= ticks[-1].total
    assert full.bytes < ticks[-1].total < 2 * full.bytes  # some files are read twice
