"""Rules that could never work on a schema are told before any data is read."""

from pathlib import Path

import pytest

from etna_pipelines.anonymise.plan import compile_plan, problems
from etna_pipelines.snapshots.manifest import Check, Column, ForeignKey, PartialKey, Table
from tests.anonymise.nights import column, refers, schema, table, written_rules


def found(tmp_path: Path, columns: str, *tables: Table, foreign_keys: tuple[ForeignKey, ...] = ()) -> str:
    """What stands against masks for columns, given by name for all tables; everything else is kept."""
    text = f"unlisted: keep\ncolumns: {{{columns}}}\n"
    return " ".join(problems(written_rules(tmp_path, text), schema(*tables, foreign_keys=foreign_keys)))


def person(*uniques: list[str], **facts: object) -> Table:
    """A table with a primary key, an e-mail address and a name."""
    columns = (column("id", "bigint", not_null=True), "email", "name", column("site", "integer"))
    return table("person", *columns, primary_key=["id"], uniques=list(uniques)).model_copy(update=facts)


@pytest.mark.parametrize(
    ("uniques", "columns", "why"),
    [
        ([["name"]], "name: fake(name)", "`fake(name)` can give two rows the same value"),
        ([["name", "site"]], "name: fake(name)", "`fake(name)` can give two rows the same value"),
        ([["lower((name)::text)"]], "name: fake(name)", "`fake(name)` can give two rows the same value"),
        ([["upper(btrim(email))"]], "email: email", ""),
        ([["email"]], "email: email", ""),
        ([["name", "site"], ["site"]], "name: fake(name)", ""),
        ([["name", "id"]], "name: fake(name)", ""),
        ([["name", "site"], ["site"]], "name: fake(name), site: set(1)", "`fake(name)` can give two rows"),
        ([["left(email, 4)"]], "email: email", "may make two rows equal in the unique index on left(email, 4)"),
        ([["left(email, 4)"]], "email: null", ""),
        ([["COALESCE(email, ''::text)"]], "email: null", "equal in the unique index on COALESCE"),
        ([["email"]], "email: {mask: hash, unless: \"email LIKE '%@a.example'\"}", ""),
        ([["site"]], "site: {mask: shuffle, unless: id < 9}", "may make what another row keeps"),
    ],
)
def test_what_is_unique_stays_unique(tmp_path: Path, uniques: list[list[str]], columns: str, why: str) -> None:
    problem = found(tmp_path, columns, person(*uniques))
    assert why in problem
    assert bool(why) == bool(problem)


def test_a_key_of_some_rows_keeps_no_others_apart(tmp_path: Path) -> None:
    some = [PartialKey(columns=["site"], where="(email IS NULL)")]
    assert not found(tmp_path, "name: fake(name)", person(["name", "site"], ["site"]))
    assert "can give two rows" in found(tmp_path, "name: fake(name)", person(["name", "site"], ["site"], partial=some))


def test_null_equals_null_in_some_unique_indexes(tmp_path: Path) -> None:
    assert not found(tmp_path, "email: null", person(["email"]))
    assert "NULLS NOT DISTINCT" in found(tmp_path, "email: null", person(["email"], nulls_equal=[["email"]]))


@pytest.mark.parametrize(
    ("predicate", "mask", "fits"),
    [
        ("(email IS NOT NULL)", "hash", True),
        ("((email)::text <> ''::text)", "hash", True),
        ("((email IS NOT NULL) AND (site > 1))", "hash", True),
        ("(email IS NOT NULL)", "null", True),
        ("(email IS NULL)", "null", False),
        ("(email IS NOT NULL)", "set(x)", False),
        ("(email ~~ 'a%'::text)", "hash", False),
        ("(lower(email) = name)", "hash", False),
        ("(emails IS NULL)", "null", True),
        ("(NOT ((site > 1) AND (email IS NOT NULL)))", "null", False),
    ],
)
def test_rows_that_an_index_is_not_about_stay_out_of_it(tmp_path: Path, predicate: str, mask: str, fits: bool) -> None:
    problem = found(
        tmp_path, f"email: {mask}", person(["site"], partial=[PartialKey(columns=["site"], where=predicate)])
    )
    assert problem == "" if fits else f"those with {predicate}: keep the column" in problem


def test_what_excludes_and_what_divides_is_not_masked(tmp_path: Path) -> None:
    excluding = person(exclusions=[["lower(name)", "site"]])
    assert "may make rows collide in an exclusion constraint" in found(tmp_path, "name: hash", excluding)
    assert not found(tmp_path, "name: null, email: hash", excluding)
    for key in (["email"], ["lower(email)"]):
        assert "out of its partition" in found(tmp_path, "email: null", person(partition_key=key))
    assert not found(tmp_path, "email: null", person(partition_key=["site"]))


ONE_OF = "CHECK (((email)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))"


@pytest.mark.parametrize(
    ("sql", "mask", "fits"),
    [
        ("CHECK ((email <> ''::text))", "hash", True),
        ("CHECK (((email)::text <> ''::text))", "email", True),
        ("CHECK ((email IS NOT NULL))", "hash", True),
        ("CHECK ((email <> ''::text))", "set()", False),
        ("CHECK ((email <> ''::text))", "null", True),
        ("CHECK ((length(email) < 9))", "hash", False),
        ("CHECK ((length(email) < 9))", "set(x)", True),
        ("CHECK ((char_length((email)::text) <= 3))", "pick(a, abcd)", False),
        ("CHECK ((char_length((email)::text) <= 3))", "pick(a, abc)", True),
        (ONE_OF, "set(a)", True),
        (ONE_OF, "set(c)", False),
        ("CHECK ((email ~ '^[a-z]+$'::text))", "shuffle", True),
        ("CHECK ((email ~ '^[a-z]+$'::text))", "scrub", False),
        ("CHECK (((email IS NOT NULL) OR (name IS NOT NULL)))", "null", False),
        ("CHECK ((email > name))", "null", True),
        ("CHECK ((is_valid(email)))", "set(x)", False),
        ("CHECK ((VALUE ~ '@'::text))", "set(a@b)", True),
        ("CHECK ((VALUE ~ '@'::text))", "hash", False),
        ("CHECK (((email)::text ~~ '%@%'::text))", "set(a@b)", True),
        ("CHECK (((email)::text ~~ '%@%'::text))", "set(ab)", False),
    ],
)  # fmt: skip
def test_a_check_is_surely_met_or_the_mask_is_refused(tmp_path: Path, sql: str, mask: str, fits: bool) -> None:
    over = ["email", "name"] if "name" in sql else ["email"]
    checked = person(checks=[Check(name="well_formed", sql=sql, columns=over)])
    problem = found(tmp_path, f'email: "{mask}"', checked)
    assert problem == "" if fits else "what CHECK constraint well_formed refuses" in problem
    assert not found(tmp_path, f'email: {{mask: "{mask}", checked: true}}', checked)


@pytest.mark.parametrize(("sql", "fits"), [("CHECK (staff)", True), ("CHECK ((NOT staff))", False)])
def test_a_constant_is_tried_on_the_check_as_it_would_be_read(tmp_path: Path, sql: str, fits: bool) -> None:
    staff = table("person", column("staff", "boolean")).model_copy(
        update={"checks": [Check(name="c", sql=sql, columns=["staff"])]}
    )
    for value in ("t", "true"):
        assert (found(tmp_path, f"staff: set({value})", staff) == "") is fits


def test_a_check_on_other_columns_is_no_matter(tmp_path: Path) -> None:
    assert not found(tmp_path, "email: hash", person(checks=[Check(name="c", sql="CHECK (id > 0)", columns=["id"])]))


USER = table("person", column("name", not_null=True), primary_key=["name"])
POST = table("post", column("id", "bigint"), "author")
KEY = refers("post", "author", "person", "name")


@pytest.mark.parametrize(
    ("parent", "child", "why"),
    [
        ("hash", "hash", ""),
        ("hash", "null", ""),
        ("hash", "keep", "their masks differ (keep, hash): give both the same"),
        ("keep", "hash", "their masks differ (hash, keep)"),
        ("{mask: fake(username), locale: de_DE}", "fake(username)", "(fake(username), fake(username) de_DE)"),
        ("shuffle", "shuffle", "makes equal values different in two columns"),
        ("{mask: hash, unless: name LIKE 'x%'}", "{mask: hash, unless: author LIKE 'x%'}", ""),
        ("{mask: hash, unless: name LIKE 'x%'}", "{mask: hash, unless: author LIKE 'y%'}", "different conditions"),
        ("{mask: hash, unless: name LIKE 'x%'}", "hash", "different conditions"),
        ("hash", "{mask: hash, when: id > 1}", "different conditions"),
        ("hash", "{mask: null, when: id > 1}", "their masks differ (null, hash)"),
        ("keep", "{mask: null, when: id > 1}", ""),
    ],
)
def test_both_ends_of_a_foreign_key_stay_the_same(tmp_path: Path, parent: str, child: str, why: str) -> None:
    columns = f'name: "{parent}", author: "{child}"'.replace('"{', "{").replace('}"', "}")
    problem = found(tmp_path, columns, USER, POST, foreign_keys=(KEY,))
    assert why in problem
    assert bool(why) == bool(problem)


def test_the_ends_of_a_foreign_key_need_room_for_the_same_values(tmp_path: Path) -> None:
    short = table("post", column("id", "bigint"), column("author", "character varying(40)"))
    assert "types or lengths: keep both" in found(
        tmp_path, "name: hash, author: hash", USER, short, foreign_keys=(KEY,)
    )


NAMED = "unlisted: keep\ntables:\n  person: {%s}\n  post: {%s}\n"


@pytest.mark.parametrize(
    ("referred", "referring", "why"),
    [
        ("rows: name > 'b'", "", "loses rows (`rows:`) and public.post.author refers to it"),
        ("rows: name > 'b'", "columns: {author: null}", ""),
        ("rows: name > 'b'", "columns: {author: {mask: null, when: id > 1}}", "loses rows"),
        ("rows: name > 'b'", "data: empty", ""),
        ("data: empty", "", "is emptied and public.post.author refers to it"),
        ("data: empty", "columns: {author: null}", ""),
        ("data: skip", "", "is left out and public.post.author refers to it: leave public.post out too"),
        ("data: skip", "columns: {author: null}", "is left out"),
        ("data: skip", "data: empty", "is left out"),
        ("data: skip", "data: skip", ""),
        ("", "rows: id > 1", ""),
    ],
)  # fmt: skip
def test_rows_that_others_refer_to_stay(tmp_path: Path, referred: str, referring: str, why: str) -> None:
    rules = written_rules(tmp_path, NAMED % (referred, referring))
    problem = " ".join(problems(rules, schema(USER, POST, foreign_keys=[KEY])))
    assert why in problem
    assert bool(why) == bool(problem)


def test_what_a_mask_reads_is_there_and_leads_somewhere(tmp_path: Path) -> None:
    assert not found(tmp_path, "email: hash, name: copy(email)", person())
    assert "`copy(emial)` reads `emial`, which the table lacks: did you mean `email`?" in found(
        tmp_path, "name: copy(emial)", person()
    )
    circle = found(tmp_path, "email: copy(name), name: copy(email)", person())
    assert circle.count("copies in a circle") == 2


def test_a_generated_column_is_masked_by_what_it_is_made_of(tmp_path: Path) -> None:
    size = Column(name="short", type="text", generated=True, default="lower((email)::text)")
    made = table("person", "email", size, uniques=[["short"]])
    assert "can give two rows the same value" in found(tmp_path, "email: fake(word)", made)
    assert not found(tmp_path, "email: email, short: hash", made)
    short = Check(name="short", sql="CHECK ((length(short) < 9))", columns=["short"])
    assert "CHECK constraint short" in found(tmp_path, "email: email", made.model_copy(update={"checks": [short]}))
    some = PartialKey(columns=["short"], where="(short ~~ 'a%'::text)")
    assert "those with (short" in found(tmp_path, "email: email", made.model_copy(update={"partial": [some]}))
    own = written_rules(tmp_path, "tables: {person: {keep: [email], columns: {short: hash}}}")
    assert "it is made from other columns whenever a row is stored" in " ".join(problems(own, schema(made)))


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    text = (
        "tables:\n  gone: {data: empty}\n  person:\n    keep: [id]\n"
        "    columns:\n      email: {mask: hash, unless: nme = 1}\n      site: email\n"
    )
    told = problems(written_rules(tmp_path, text), schema(person(), unsupported=["foreign server far"]))
    assert len(told) == 4
    said = " ".join(told)
    assert "foreign server far" in said
    assert "table public.gone (rules.yaml, line 2)" in said
    assert "1 column has no rule in rules.yaml: public.person.name" in said
    assert "public.person.email (rules.yaml, line 6): `nme = 1` names `nme`" in said
    assert "public.person.site (rules.yaml, line 7): `email` makes text and the column is integer" in said


def test_columns_that_no_rule_names_can_become_null_or_stay(tmp_path: Path) -> None:
    kept = compile_plan(written_rules(tmp_path, "unlisted: keep\ntables: {person: {keep: [id]}}"), schema(person()))
    assert kept.unlisted == ["public.person.email", "public.person.name", "public.person.site"]
    nulled = compile_plan(written_rules(tmp_path, "unlisted: null\ntables: {person: {keep: [id]}}"), schema(person()))
    assert [(c.column.name, str(c.spec)) for c in nulled.tables["public.person"].columns] == [
        ("email", "null"), ("name", "null"), ("site", "null"),
    ]  # fmt: skip
    refused = problems(written_rules(tmp_path, "unlisted: null"), schema(person()))
    assert "public.person.id (`unlisted`, rules.yaml, line 1): `null` does not fit a NOT NULL column" in refused[0]


def test_large_objects_can_be_left_out(tmp_path: Path) -> None:
    held = schema(person(), unsupported=["large objects (2)"])
    assert "large objects (2)" in problems(written_rules(tmp_path, "unlisted: keep"), held)[0]
    rules = written_rules(tmp_path, "unlisted: keep\nlarge_objects: skip")
    assert compile_plan(rules, held).left_out.large_objects
