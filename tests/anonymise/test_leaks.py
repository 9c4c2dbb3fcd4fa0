"""The rules are weakened one by one, and the proof finds what leaks; with all of them in force it passes."""

import base64
import html
import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from etna_pipelines.anonymise.engine import strip
from etna_pipelines.anonymise.proof.proof import prove, refuse_failed
from etna_pipelines.anonymise.public import Public, hash_of
from etna_pipelines.errors import ArchiveMalformed, ProofFailed, SnapshotDamaged
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import Proof
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.archives import Contents, contents
from tests.anonymise.nights import KEY, column, table, written_rules

NAME, SURNAME, SHORT = "Siân Quillfeather", "Quillfeather", "Ann Lee"
EMAIL, PHONE, USERNAME, TOKEN = "sian.q@bigcorp.com", "+44 7911 123456", "quillsian77", "f00dfacecafe4242abcd"
PEOPLE = [("Siân", SURNAME, EMAIL, PHONE, USERNAME, TOKEN), ("Ann", "Lee", None, "+33 1 42 68 53 00", "", None)]
SECRETS = ("quill", "sian", "siân", "bigcorp", "7911", "f00dface", "lee")


def base64_of(text: str) -> str:
    return base64.b64encode(f"this is by {text}.".encode()).decode()


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(f"???>>> {text}!".encode()).decode().rstrip("=")


def unicode_escaped(text: str, backslashes: int = 1) -> str:
    return "".join("\\" * backslashes + f"u{ord(c):04x}" for c in text)


def numbered(text: str) -> str:
    return "".join(f"&#{ord(c)};" for c in text)


def nested(text: str, levels: int) -> str:
    return text if not levels else json.dumps({"in": nested(f"by\n{text}\n", levels - 1)})


LEAKS: dict[str, str] = {
    # names
    "plain": f"by {NAME}, today",
    "short": SHORT,
    "surname": f"the {SURNAME} papers",
    "upper": NAME.upper(),
    "lower": NAME.lower(),
    "without_accents": "Sian Quillfeather",
    "decomposed": unicodedata.normalize("NFD", NAME),
    "short_double_space": "Ann  Lee",
    "short_no_break_space": "Ann\u00a0Lee",
    "soft_hyphen": "Quill\u00adfeather",
    "short_lines": "Ann\nLee",
    "short_turned": "Lee, Ann",
    "short_turned_in_json": json.dumps(["Lee, Ann"]),
    "slug": "/people/sian-quillfeather/",
    "file": "scans/sian_quillfeather_cv.pdf",
    "local_part": "ann.lee@example.com",
    # structures
    "json": json.dumps({"by": NAME}),
    "json_key": json.dumps({SHORT: 1}),
    "json_in_json": nested(NAME, 2),
    "json_in_json_in_json_in_json": nested(SHORT, 4),
    "array": f'{{x,"{NAME}",y}}',
    "array_of_json": '{"{\\"by\\": \\"Ann Lee\\"}"}',
    "hstore": f'"by"=>"{SHORT}", "at"=>NULL',
    "composite": f'(1,"{SHORT}",)',
    "xml": f"<by><first>Ann</first>\n<last>{SURNAME}</last></by>",
    "lexemes": "'ann':2 'by':1 'lee':3A 'paper':4",
    "lexemes_surname": "'quillfeather':3A",
    # encodings
    "unicode_escapes": unicode_escaped(NAME),
    "unicode_escapes_nested": unicode_escaped(SHORT, 4),
    "one_letter_escaped": "Ann L\\u0065e",
    "url": f"/x?q={quote(NAME)}",
    "form": f"name={quote_plus(SHORT)}&x=1",
    "url_in_url": f"/login?next={quote(quote(f'/x?q={quote(NAME)}'))}",
    "percents": "".join(f"%{byte:02x}" for byte in SHORT.encode()),
    "html": html.escape(f"<{NAME}>").replace("â", "&acirc;"),
    "html_decimal": numbered(SHORT),
    "html_hexadecimal": "".join(f"&#x{ord(c):X};" for c in SHORT),
    "html_in_html": html.escape(numbered(SHORT)),
    "base64": base64_of(SHORT),
    "base64_for_urls": url_safe(SHORT),
    "base64_unpadded": base64_of(NAME).rstrip("="),
    "base64_in_path": f"/unsubscribe/{url_safe(NAME)}/now",
    "base64_in_base64": base64_of(base64_of(SHORT)),
    "base64_in_lines": base64.encodebytes(f"{'x ' * 40}{SHORT}{' x' * 40}".encode()).decode(),
    "base64_in_json": json.dumps({"t": f"x\n{base64_of(SHORT)}"}),
    "bytea": "\\x" + f"\0\1{SHORT}\0".encode().hex(),
    "hexadecimal": f"signed {SHORT.encode().hex()}20746f646179",
    "url_of_html": quote(html.escape(numbered(SHORT))),
    # e-mails
    "email": f"write to <{EMAIL}>",
    "email_upper": EMAIL.upper(),
    "email_url": quote(f"mailto:{EMAIL}"),
    "email_html": EMAIL.replace("@", "&#64;"),
    "email_json": EMAIL.replace("@", "\\u0040"),
    "email_base64": base64_of(EMAIL),
    "email_of_a_stranger": "ask stranger@elsewhere.co.uk",
    # phones
    "phone": "tel 07911 123456",
    "phone_abroad": "+44 (0)7911-123.456",
    "phone_foreign": "0033 1.42.68.53.00",
    "phone_url": "tel=%2B447911123456",
    "phone_html": "07911&nbsp;123456",
    "phone_no_break_space": "07911\u00a0123456",
    "phone_json": json.dumps({"phone": "x\n07911123456"}),
    # usernames and secrets
    "username": f"@{USERNAME} logged in",
    "username_of_a_domain": "CORP\\quillsian77",
    "username_after_escape": json.dumps("x\nquillsian77"),
    "token": f"/reset?token={TOKEN}&x=1",
    "token_upper": TOKEN.upper(),
}
TYPES = {"lexemes": "tsvector", "lexemes_surname": "tsvector", "bytea": "bytea", "json": "jsonb", "array": "text[]"}

SCHEMA = {
    "comment": ("COMMENT", "TABLE leak", f"COMMENT ON TABLE leak IS 'as {NAME} said';"),
    "comment on lines": ("COMMENT", "TABLE leak", "COMMENT ON TABLE leak IS 'as Ann\nLee said';"),
    "default": ("TABLE", "other", f"CREATE TABLE other (a text DEFAULT '{SHORT}'::text);"),
    "check": ("TABLE", "other", f"CREATE TABLE other (a text CHECK (a <> '{SHORT}'::text));"),
    "view": ("VIEW", "seen", f"CREATE VIEW seen AS SELECT * FROM leak WHERE (name = '{SURNAME.lower()}'::text);"),
    "function": ("FUNCTION", "f()", f"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT '{USERNAME}'$$;"),
    "enum label": ("TYPE", "owner", f"CREATE TYPE owner AS ENUM ('nobody', '{SHORT}');"),
    "index predicate": ("INDEX", "i", f"CREATE INDEX i ON leak (a) WHERE (a = '{USERNAME}'::text);"),
    "partition bound": ("TABLE ATTACH", "p", f"ALTER TABLE a ATTACH PARTITION p FOR VALUES IN ('{SURNAME}');"),
    "policy": ("POLICY", "leak own", f"CREATE POLICY own ON leak USING ((who = '{SHORT}'::text));"),
    "trigger": ("TRIGGER", "t", f"CREATE TRIGGER t AFTER INSERT ON leak EXECUTE FUNCTION tell('{TOKEN}');"),
    "escapes": ("COMMENT", "TABLE leak", f"COMMENT ON TABLE leak IS U&'{unicode_escaped(SHORT)}';"),
}

RULES = """
columns: {first: fake(first), last: fake(last), email: email, phone: phone, username: fake(username), token: hash}
tables:
  leak:
    columns:
"""


def proof_of(
    tmp_path: Path,
    leaks: Mapping[str, str],
    kept: Sequence[str] = (),
    *,
    entries: Sequence[tuple[str, str, str]] = (),
    files: Mapping[str, bytes] | None = None,
    public: Public | None = None,
) -> Proof:
    """Strip a snapshot of people and what leaks about them, with rules that keep some columns, and prove it."""
    people = table("person", "first", "last", "email", "phone", "username", "token", rows=2)
    leak = table("leak", *(column(name, TYPES.get(name, "text")) for name in leaks))
    tables = {"person": (people, PEOPLE), "leak": (leak, [list(leaks.values())])}
    store = LocalStore(tmp_path / "store")
    full = Contents(tables, entries, files or {}).stored(store)
    lines = "".join(f"      {name}: {'keep' if name in kept else 'null'}\n" for name in leaks)
    stripped = strip(full, store, written_rules(tmp_path, RULES + lines), masking_key=KEY, workers=1)
    return prove(stripped, store, public or Public(), workers=1)


def assert_found(proof: Proof, where: str, column: str) -> None:
    assert {(finding.table, finding.column) for finding in proof.findings} == {(where, column)}
    with pytest.raises(ProofFailed) as told:
        refuse_failed(proof)
    said = (str(told.value) + proof.model_dump_json()).lower().replace(column, "")
    assert not [secret for secret in SECRETS if secret in said]


def test_nothing_is_found_while_the_rules_are_in_force(tmp_path: Path) -> None:
    proof = proof_of(tmp_path, LEAKS)
    assert proof.passed
    assert proof.findings == []


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_of_each_kind_is_found_where_it_is(tmp_path: Path, leak: str) -> None:
    assert_found(proof_of(tmp_path, {"a": "x", leak: LEAKS[leak], "b": "y"}, ["a", leak, "b"]), "public.leak", leak)


@pytest.mark.parametrize("leak", SCHEMA)
def test_a_leak_in_the_schema_is_found_with_its_object(tmp_path: Path, leak: str) -> None:
    kind, tag, _ = SCHEMA[leak]
    assert_found(proof_of(tmp_path, {"a": "x"}, entries=[SCHEMA[leak]]), "schema", f"{kind} public.{tag}")


def test_a_leak_in_a_large_object_is_found(tmp_path: Path) -> None:
    blob = archive.compress(b"\x00\xff letter\tby Ann\nLee\x00")
    assert_found(proof_of(tmp_path, {"a": "x"}, files={"blob_16385.dat.gz": blob}), "blob_16385.dat.gz", "")


@pytest.mark.parametrize(
    "innocent",
    [
        "Lee and Ann",
        "Bo Lee, Ann Smith",
        "Ann\tLee".replace("\t", "; Bob "),
        "leeann",
        "annlee.com",
        "079111234567",
        "Siân",
    ],
)
def test_what_proves_nothing_is_not_found(tmp_path: Path, innocent: str) -> None:
    assert proof_of(tmp_path, {"a": innocent, "b": "y"}, ["a", "b"]).findings == []


def test_names_of_two_columns_are_no_name(tmp_path: Path) -> None:
    assert proof_of(tmp_path, {"a": "Ann", "b": "Lee"}, ["a", "b"]).passed


@pytest.mark.parametrize(
    ("text", "public", "why"),
    [
        ("by Ann Lee", Public(words=["ann  LEE"]), "`ann lee`, one of public: words"),
        ("/ann-lee/", Public(words=["Ann Lee"]), "`ann lee`, one of public: words"),
        (f"by {NAME}", Public(words=[NAME, SURNAME]), f"`{NAME.lower()}`, one of public: words"),
        ("by Ann Lee", Public(hashes=[hash_of(" Ann  Lee")]), f"{hash_of('ann lee')[:8]}..., one of public: hashes"),
        ("x@here.org", Public(domains=["here.org"]), "e-mail at here.org, one of public: domains"),
        (
            "x@here.org",
            Public(hashes=[hash_of("X@here.org")]),
            f"{hash_of('x@here.org')[:8]}..., one of public: hashes",
        ),
    ],
)
def test_what_is_public_on_purpose_is_allowed_and_counted(tmp_path: Path, text: str, public: Public, why: str) -> None:
    proof = proof_of(tmp_path, {"a": text}, ["a"], public=public)
    assert proof.passed
    assert proof.allowed[why] == 1


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("1.dat.gz", archive.compress(b"x\n")[:-5], "ends too early"),
        ("1.dat.gz", b"not gzip at all", "damaged"),
        ("1.dat.gz", archive.compress(b"too\tfew\n" + archive.TERMINATOR), "public.person"),
        ("1.dat.gz", archive.compress(b"\xff\t\t\t\t\t\n" + archive.TERMINATOR), "public.person"),
        ("toc.dat", b"PGDMP", "toc.dat is not a table of contents"),
        ("toc.dat", contents([])[:-3], "toc.dat is not a table of contents"),
        ("toc.dat", contents([])[:-4] + b"\xff\xff\xff\x7f", "toc.dat is not a table of contents"),
    ],
)
def test_an_archive_that_is_cut_or_made_up_is_refused_in_a_sentence(
    tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    with pytest.raises((SnapshotDamaged, ArchiveMalformed), match=says) as refused:
        proof_of(tmp_path, {"a": "x"}, files={name: data})
    assert str(refused.value).count(". ") == 0
