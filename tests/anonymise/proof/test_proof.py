import base64
import html
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from psycopg import sql

from etna_pipelines.anonymise.engine import Stripped
from etna_pipelines.anonymise.proof.proof import prove, refuse_failed
from etna_pipelines.errors import ProofFailed, SnapshotDamaged
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Tick
from etna_pipelines.snapshots.manifest import Finding, Proof
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import Night
from tests.anonymise.nights import written_rules as rules_of

PERSON = """
    CREATE TABLE person (first text, last text, email text, phone text, username text, token text);
    INSERT INTO person VALUES
        ('Siân', 'Quillfeather', 'sian.q@bigcorp.com', '+44 7911 123456', 'quillsian77', 'f00dfacecafe4242abcd'),
        ('Ann', 'Lee', NULL, '', '', NULL);
"""
RULES = """
columns: {first: fake(first), last: fake(last), email: email, phone: phone, username: fake(username), token: hash}
"""
PLANTED = {
    "name": "Siân Quillfeather",
    "short": "Ann Lee",
    "last": "Quillfeather",
    "email": "sian.q@bigcorp.com",
    "phone": "07911 123456",
    "username": "quillsian77",
    "token": "f00dfacecafe4242abcd",
}
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: f"by {text}, today",
    "upper": str.upper,
    "lower": str.lower,
    "lines": lambda text: f"by\n{text}\nand\tothers",
    "json": lambda text: json.dumps({"by": text}),
    "json_in_json": lambda text: json.dumps({"a": json.dumps({"b": json.dumps({"by": f"\n{text}\n"})})}),
    "escaped": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "url": lambda text: f"/x?q={quote(text)}",
    "form": lambda text: f"/x?q={quote_plus(text)}",
    "percents": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "url_in_url": lambda text: f"/login?next={quote(quote(f'/x?q={quote(text)}'))}",
    "html": lambda text: f"<b>{html.escape(text)}</b>",
    "html_in_html": lambda text: html.escape("".join(f"&#{ord(c)};" for c in text)),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "base64": lambda text: base64.b64encode(f"this is by {text}".encode()).decode(),
    "base64_in_path": lambda text: f"/unsubscribe/{base64.urlsafe_b64encode(f'it is {text}!'.encode()).decode()}",
}
SLUGS = {"slug": "sian-quillfeather", "file": "docs/sian_quillfeather_cv.pdf", "handle": "sian.quillfeather"}


@pytest.fixture
def night(database: Database, store: LocalStore, tmp_path: Path) -> Night:
    return Night(database, store, tmp_path)


def found(proof: Proof) -> set[tuple[str, str]]:
    return {(finding.table, finding.column) for finding in proof.findings}


def plant(night: Night, values: dict[str, str]) -> None:
    """A table with a column for each of the values."""
    night.execute(PERSON)
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in values)
    with night.database.connect() as connection:
        connection.execute(sql.SQL("CREATE TABLE leak ({})").format(columns))
        row = sql.SQL(", ").join(sql.Literal(value) for value in values.values())
        connection.execute(sql.SQL("INSERT INTO leak VALUES ({})").format(row))


def test_every_kind_of_leak_is_found_in_every_form(night: Night) -> None:
    leaks = {f"{kind}_{form}": dress(text) for kind, text in PLANTED.items() for form, dress in FORMS.items()} | SLUGS
    plant(night, leaks)
    stripped = night.stripped(f"{RULES}\ntables: {{leak: {{keep: [{', '.join(leaks)}]}}}}")
    proof = night.prove(stripped, RULES)
    assert not proof.passed
    assert set(leaks) - {column for _, column in found(proof)} == set()
    assert {table for table, _ in found(proof)} == {"public.leak"}


def test_an_object_named_after_a_person_is_found_and_not_named(night: Night) -> None:
    night.execute(PERSON)
    night.execute("CREATE VIEW quillsian77 AS SELECT 1 AS one")

    proof = night.prove(night.stripped(RULES), RULES)

    [(table, column)] = found(proof)
    assert table == "schema"
    assert column.startswith("VIEW, entry ")
    with pytest.raises(ProofFailed) as told:
        refuse_failed(proof)
    assert "quillsian77" not in str(told.value)


def test_originals_in_other_shapes_are_found(night: Night) -> None:
    night.execute("""
        CREATE TABLE person (first text, last text, email text, phone text, username text, full_name text);
        INSERT INTO person VALUES 
            ('Ann', 'Lee', 'ann@intranet.corp.co', '+33 1 42 68 53 00', 'rthrelfall8', 'Quillwort');
        CREATE TABLE leak (login text, foreign_phone text, alone text, name_in_json text);
    """)
    with night.database.connect() as connection:
        connection.execute(
            "INSERT INTO leak VALUES (%s, %s, %s, %s)",
            (
                r"CORP\rthrelfall8",
                "tel +33 1.42.68.53.00",
                "seen by Quillwort",
                r'{"by": "x\nAnn L\u0065e"}',
            ),
        )
    rules = RULES.replace("token: hash", "full_name: fake(name)")
    columns = "login, foreign_phone, alone, name_in_json"
    stripped = night.stripped(f"{rules}\ntables: {{leak: {{keep: [{columns}]}}}}")

    proof = night.prove(stripped, rules)

    assert {column for _, column in found(proof)} == set(columns.split(", "))


def test_addresses_of_a_public_domain_are_no_secret(night: Night) -> None:
    night.execute(PERSON)
    night.execute("CREATE TABLE page (body text); INSERT INTO page VALUES ('write to sian.q@bigcorp.com')")
    rules = f"{RULES}\npublic: {{domains: [bigcorp.com]}}\ntables: {{page: {{columns: {{body: scrub}}}}}}"

    proof = night.prove(night.stripped(rules), rules)

    assert proof.passed
    assert proof.allowed["e-mail at bigcorp.com, one of public: domains"] == 1


def test_what_scrub_rewrites_the_proof_does_not_find(night: Night) -> None:
    leaks = {f"{kind}_{form}": dress(text) for kind, text in PLANTED.items() for form, dress in FORMS.items()} | SLUGS
    hidden = {
        "escaped",
        "percents",
        "entities",
        "url_in_url",
        "html_in_html",
    }  # forms that nobody writes for plain letters: the proof alone reads them
    leaks = {
        name: text
        for name, text in leaks.items()
        if not name.startswith("token") and not any(name.endswith(form) for form in hidden)
    }
    plant(night, leaks)
    scrubbed = "".join(f"      {name}: scrub\n" for name in leaks)
    stripped = night.stripped(f"{RULES}\ntables:\n  leak:\n    columns:\n{scrubbed}")
    proof = night.prove(stripped, RULES)
    assert proof.findings == []
    assert proof.passed
    refuse_failed(proof)


def test_a_clean_archive_passes_and_says_what_was_read(night: Night) -> None:
    night.execute(PERSON)
    night.execute("CREATE TABLE page (body text); INSERT INTO page VALUES ('Lee and Ann, at info@archives.gov.uk')")
    rules = f"{RULES}\ntables: {{page: {{keep: [body]}}}}\npublic: {{domains: [archives.gov.uk]}}"
    stripped = night.stripped(rules)
    ticks: list[Tick] = []
    proof = prove(stripped, night.store, rules_of(night.tmp_path, rules).public, progress=ticks.append)
    assert proof.passed
    assert proof.findings == []
    assert proof.scanned_files == len(stripped.draft.files)
    assert proof.scanned_bytes > sum(file.raw_bytes or 0 for file in stripped.draft.files)
    assert proof.originals >= 6
    assert proof.allowed == {
        "e-mail at archives.gov.uk, one of public: domains": 1,
        "e-mail at example.com, made by the strip": 1,
    }
    assert {each.what for each in proof.scanned} == {"public.page", "public.person", "schema"}
    assert sum(each.bytes for each in proof.scanned) == proof.scanned_bytes
    assert sum(proof.kinds.values()) == proof.originals
    assert (ticks[-1].done, ticks[-1].tables_done) == (stripped.draft.bytes, proof.scanned_files)


def test_an_email_of_a_stranger_is_found_too(night: Night) -> None:
    plant(night, {"body": "ask stranger@elsewhere.co.uk"})
    proof = night.prove(night.stripped(f"{RULES}\ntables: {{leak: {{keep: [body]}}}}"), RULES)
    assert proof.findings == [Finding(table="public.leak", column="body", kind="e-mail that is not allowed", count=1)]


@pytest.mark.parametrize("type_", ["jsonb", "text[]", "character varying(99)", "bytea"])
def test_columns_of_any_type_that_holds_text_are_read(night: Night, type_: str) -> None:
    values = {
        "jsonb": '{"Siân Quillfeather": 1}',
        "text[]": '{x,"Siân Quillfeather"}',
        "bytea": r"\x" + "by Siân Quillfeather".encode().hex(),
    }
    night.execute(PERSON)
    night.execute(f"CREATE TABLE leak (body {type_})")
    with night.database.connect() as connection:
        connection.execute("INSERT INTO leak VALUES (%s)", [values.get(type_, "Siân Quillfeather")])
    proof = night.prove(night.stripped(f"{RULES}\ntables: {{leak: {{keep: [body]}}}}"), RULES)
    assert found(proof) == {("public.leak", "body")}


def test_a_name_in_the_schema_is_found_with_its_object(night: Night) -> None:
    night.execute(PERSON)
    night.execute("COMMENT ON COLUMN person.first IS 'as in Siân Quillfeather'")
    proof = night.prove(night.stripped(RULES), RULES)
    assert found(proof) == {("schema", "COMMENT public.COLUMN person.first")}


def test_a_column_whose_mask_changed_nothing_is_found(night: Night) -> None:
    night.execute(PERSON)
    stripped = night.stripped(RULES)
    unchanged = {("public.person", "last"): (10, 20), ("public.person", "first"): (10, 2000)}
    proof = night.prove(replace(stripped, unchanged=unchanged), RULES)
    assert proof.findings == [
        Finding(table="public.person", column="last", kind="masked value equal to its original", count=10)
    ]


def test_what_the_engine_counts_as_unchanged(night: Night) -> None:
    night.execute(PERSON)
    stripped = night.stripped(RULES)
    assert stripped.unchanged["public.person", "last"] == (0, 2)
    assert stripped.unchanged["public.person", "phone"] == (0, 2)


def test_a_failed_proof_is_said_without_a_value(night: Night) -> None:
    plant(night, {"body": "by Siân Quillfeather, sian.q@bigcorp.com"})
    proof = night.prove(night.stripped(f"{RULES}\ntables: {{leak: {{keep: [body]}}}}"), RULES)
    with pytest.raises(ProofFailed) as failed:
        refuse_failed(proof)
    message = str(failed.value)
    assert "public.leak.body: 1 x original e-mail" in message
    assert not {"quill", "bigcorp", "siân"} & set(message.lower().replace(".", " ").split())
    assert "quill" not in proof.model_dump_json().lower()


@pytest.fixture
def stripped(night: Night) -> Stripped:
    night.execute(PERSON)
    return night.stripped(RULES)


@pytest.mark.parametrize("what", ["flipped", "cut", "appended", "emptied", "missing"])
@pytest.mark.parametrize("name", [".gz", "toc.dat"])
def test_an_archive_that_is_not_what_was_written_is_damaged(
    night: Night, stripped: Stripped, what: str, name: str
) -> None:
    [file] = [file for file in stripped.draft.files if file.name.endswith(name)]
    key = stripped.draft.archive_key(file.name)
    data = b"".join(night.store.read(key))
    middle = len(data) // 2
    changed = {
        "flipped": bytes([*data[:middle], data[middle] ^ 1, *data[middle + 1 :]]),
        "cut": data[:middle],
        "appended": data + data,
        "emptied": b"",
    }
    if what == "missing":
        night.store.delete([key])
    else:
        night.store.put(key, [changed[what]])
    with pytest.raises(SnapshotDamaged, match=file.name):
        night.prove(stripped, RULES)


def test_an_original_that_is_also_somebody_s_pseudonym_proves_nothing(night: Night) -> None:
    """With a thousand people a pseudonym will by chance be the name of another of them."""
    night.execute("CREATE TABLE person (first text, last text)")
    night.execute(
        """INSERT INTO person SELECT f, l FROM unnest(ARRAY['Ann', 'Harriet', 'Ryan', 'Sarah', 'Molly', 'Lucy']) f,
        unnest(ARRAY['Smith', 'Jones', 'Hodgson', 'McKenzie', 'Webster', 'Taylor', 'Brown', 'Davies']) l"""
    )
    rules = "columns: {first: fake(first), last: fake(last)}"
    stripped = night.stripped(rules)
    proof = night.prove(stripped, rules)
    assert "original name, username or secret" not in {finding.kind for finding in proof.findings}


def test_secret_uuids_and_telephones_in_digits_are_found_where_no_text_fits(night: Night) -> None:
    night.execute("""
        CREATE TABLE person (phone text, token uuid, login text);
        INSERT INTO person VALUES ('020 7946 0958', '1f0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11', 'abed');
        CREATE TABLE leak (id bigint PRIMARY KEY, mobile bigint, fax numeric, other integer, session uuid, chance uuid);
        INSERT INTO leak VALUES (442079460958, 442079460958, 442079460958, 1, '1f0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11',
            '00000000-abed-4ef8-bb6d-6bb9bd380a12');
    """)
    rules = """
columns: {phone: phone, token: fake(uuid), login: fake(username)}
tables: {leak: {keep: [id, mobile, fax, other, session, chance]}}
"""
    proof = night.prove(night.stripped(rules), rules)
    assert found(proof) == {("public.leak", column) for column in ("mobile", "fax", "session")}


def test_a_column_that_a_mask_should_have_changed_and_did_not_is_found(night: Night) -> None:
    night.execute("CREATE TABLE survey (age integer, few integer, code text, mood text)")
    night.execute("INSERT INTO survey SELECT 20 + n, n, 'x' || n, 'same' FROM generate_series(1, 9) n")
    rules = """
tables: {survey: {columns: {age: noise(1%), few: round(5), code: 'replace("q", "#")', mood: shuffle}}}
"""
    proof = night.prove(night.stripped(rules), rules)
    assert {(finding.column, finding.count) for finding in proof.findings} == {("age", 9), ("mood", 9)}
