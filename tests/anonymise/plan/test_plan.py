from collections.abc import Sequence
from pathlib import Path

import pytest

from etna_pipelines.anonymise.plan.plan import Plan, compile_plan, problems
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import DatabaseSchema, ForeignKey, Table
from tests.anonymise.linting import person
from tests.anonymise.nights import column, refers, schema, table, written_rules

PERSON = table(
    "person",
    column("id", "bigint", not_null=True),
    column("size", "integer", generated=True),
    "email",
    column("born", "date"),
    primary_key=["id"],
    uniques=[["lower(email)"]],
)


def planned(tmp_path: Path, rules: str, *tables: Table, foreign_keys: Sequence[ForeignKey] = ()) -> Plan:
    return compile_plan(written_rules(tmp_path, rules), schema(*tables, foreign_keys=foreign_keys))


def refusal(tmp_path: Path, rules: str, schema: DatabaseSchema) -> str:
    with pytest.raises(RulesError) as refused:
        compile_plan(written_rules(tmp_path, rules), schema)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_plan_says_where_each_changed_column_stands_in_the_file(tmp_path: Path) -> None:
    plan = planned(tmp_path, "tables: {person: {keep: [id], columns: {email: email, born: }}}", PERSON, table("t"))
    assert [(c.position, c.column.name, str(c.spec)) for c in plan.tables["public.person"].columns] == [
        (1, "email", "email"),
        (2, "born", "null"),
    ]
    assert plan.tables["public.t"].columns == []
    assert not plan.scrubs


def test_an_emptied_table_needs_no_rules_for_its_columns(tmp_path: Path) -> None:
    plan = planned(tmp_path, "tables: {person: {data: empty}}", PERSON)
    assert plan.tables["public.person"].empty


def test_every_uncovered_column_is_listed_with_a_suggestion(tmp_path: Path) -> None:
    message = refusal(tmp_path, "columns: {id: keep}", schema(PERSON, table("note", "body")))
    assert message.startswith("3 columns have no rule in rules.yaml: ")
    for listed in ("person.email (try `email`)", "person.born (try `", "note.body (try `scrub`)"):
        assert f"public.{listed}" in message
    assert "size" not in message
    assert message.endswith("nothing was stripped.")


def test_one_uncovered_column_is_said_as_one(tmp_path: Path) -> None:
    message = refusal(tmp_path, "", schema(table("note", "body")))
    assert message.startswith("1 column has no rule in rules.yaml: public.note.body")


@pytest.mark.parametrize(
    ("rules", "unknown"),
    [
        ("tables:\n  persn: {data: empty}\n", "table public.persn (rules.yaml, line 2)"),
        ("tables:\n  persn: {keep: [a]}\n", "table public.persn (rules.yaml, line 2)"),
        ("tables:\n  person:\n    columns:\n      mail: email\n", "column public.person.mail (rules.yaml, line 4)"),
        ("tables:\n  person:\n    keep: [id, age]\n", "column public.person.age (rules.yaml, line 3)"),
        ("tables:\n  other.person: {data: empty}\n", "table other.person (rules.yaml, line 2)"),
    ],
)
def test_rules_for_what_is_not_there_are_refused(tmp_path: Path, rules: str, unknown: str) -> None:
    message = refusal(tmp_path, rules, schema(PERSON))
    assert message.startswith(f"Rules for what the database does not have: {unknown}. Remove or correct them.")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("id: null, email: email", "public.person.id (rules.yaml, line 1): `null` does not fit a NOT NULL column"),
        ("id: hash, email: email", "public.person.id (rules.yaml, line 1): `hash` makes text and the column is bigint"),
        ("id: keep, email: fake(name)", "public.person.email (rules.yaml, line 1): `fake(name)` can give two rows"),
        ("id: keep, email: set(x)", "public.person.email (rules.yaml, line 1): `set(...)` can give two rows"),
    ],
)
def test_a_mask_that_does_not_fit_its_column_is_refused(tmp_path: Path, columns: str, why: str) -> None:
    message = refusal(tmp_path, f"tables: {{person: {{keep: [born], columns: {{{columns}}}}}}}", schema(PERSON))
    assert message.startswith(f"Rules that do not fit the schema: {why}")


def test_several_misfits_are_said_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, "tables: {person: {columns: {id: null, email: set(x), born: email}}}", schema(PERSON))
    assert message.count("rules.yaml, line 1") == 3


def test_part_of_a_unique_key_is_unique(tmp_path: Path) -> None:
    pair = table("pair", "a", "b", uniques=[["a", "b"]])
    assert "can give two rows" in refusal(
        tmp_path, "tables: {pair: {keep: [b], columns: {a: fake(first)}}}", schema(pair)
    )


USER = table("person", column("name", not_null=True), primary_key=["name"])
POST = table("post", column("id", "bigint"), "author")
KEY = refers("post", "author", "person", "name")


def test_both_ends_of_a_foreign_key_need_the_same_mask(tmp_path: Path) -> None:
    rules = "columns: {id: keep, name: fake(username)}\ntables: {post: {columns: {author: %s}}}"
    message = refusal(tmp_path, rules % "keep", schema(USER, POST, foreign_keys=[KEY]))
    assert "public.post.author and public.person.name: a foreign key joins them" in message
    assert "(keep, fake(username)): give both the same" in message
    plan = planned(tmp_path, rules % "fake(username)", USER, POST, foreign_keys=[KEY])
    tells_case_apart = {name: [each.spec.unique for each in made.columns] for name, made in plan.tables.items()}
    assert tells_case_apart == {"public.person": [True], "public.post": [True]}


def test_the_referring_end_of_a_foreign_key_may_become_null(tmp_path: Path) -> None:
    assert planned(tmp_path, "columns: {id: keep, name: fake(username), author: }", USER, POST, foreign_keys=[KEY])


BY_NUMBER = table("post", column("id", "bigint"), column("author", "bigint"))
EMPTIED = "columns: {id: keep, author: %s}\ntables:\n  person: {data: empty}\n"


def test_an_emptied_table_that_is_still_referred_to_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, EMPTIED % "keep", schema(USER, BY_NUMBER, foreign_keys=[KEY]))
    assert "public.person is emptied and public.post.author refers to it: empty public.post too" in message


def test_an_emptied_table_may_be_referred_to_by_null_by_no_row_and_by_an_emptied_one(tmp_path: Path) -> None:
    assert planned(tmp_path, EMPTIED % "null", USER, BY_NUMBER, foreign_keys=[KEY])
    assert planned(tmp_path, EMPTIED % "keep", USER, BY_NUMBER.model_copy(update={"rows": 0}), foreign_keys=[KEY])
    assert planned(tmp_path, f"{EMPTIED % 'keep'}  post: {{data: empty}}\n", USER, BY_NUMBER, foreign_keys=[KEY])


def test_an_emptied_table_may_refer_to_itself(tmp_path: Path) -> None:
    tree = table("tree", "id", "parent")
    assert planned(tmp_path, "tables: {tree: {data: empty}}", tree, foreign_keys=[refers("tree", "parent", "tree")])


def test_what_no_rule_can_name_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, "", schema(unsupported=["large objects (3)", "foreign server far"]))
    assert "large objects (3), foreign server far" in message


@pytest.mark.parametrize(
    ("mask", "scrubs"),
    [
        ("scrub", True),
        ("{mask: keep, $.a: scrub}", True),
        ("each(scrub)", True),
        ("{mask: keep, $.scrub: hash}", False),
    ],
)
def test_a_plan_knows_whether_anything_is_scrubbed(tmp_path: Path, mask: str, scrubs: bool) -> None:
    rules = f"tables: {{note: {{columns: {{body: {mask}}}}}}}"
    assert planned(tmp_path, rules, table("note", column("body", "jsonb"))).scrubs is scrubs


def test_what_paths_name_changes_where_the_rest_is_kept(tmp_path: Path) -> None:
    rules = "tables: {note: {columns: {body: {mask: keep, $.email: email}}}}"
    plan = planned(tmp_path, rules, table("note", column("body", "jsonb")))
    assert [path for path, _ in plan.tables["public.note"].masked["body"].spec.paths] == ["$.email"]


@pytest.mark.parametrize(
    "type_", ["text", "character varying(20)", "jsonb", "inet", "text[]", "public.passport", "bytea"]
)
def test_a_pattern_keeps_nothing_that_can_hold_text(tmp_path: Path, type_: str) -> None:
    message = refusal(tmp_path, 'columns: {"*_id": keep}', schema(table("person", column("passport_id", type_))))

    assert "public.person.passport_id (try " in message
    assert planned(tmp_path, "tables: {person: {keep: [passport_id]}}", table("person", column("passport_id", type_)))


@pytest.mark.parametrize(
    "type_", ["integer", "bigint", "uuid", "numeric(8,2)", "timestamp(3) without time zone", "date"]
)
def test_a_pattern_keeps_what_cannot_hold_text(tmp_path: Path, type_: str) -> None:
    assert planned(tmp_path, 'columns: {"*_id": keep}', table("person", column("page_id", type_)))


def test_the_rules_of_a_partitioned_table_are_those_of_its_partitions(tmp_path: Path) -> None:
    leaf, other = (
        table(name, "id", "note", "size").model_copy(update={"partition_of": ["public.year", "public.log"]})
        for name in ("log_1", "log_2")
    )
    rules = """
columns: {note: scrub, id: keep}
tables:
  log: {columns: {size: hash, note: "null"}, keep: [id], rows: note IS NOT NULL}
  year: {keep: [size]}
  log_1: {columns: {note: text}}
  log_2: {data: empty}
"""
    plan = planned(tmp_path, rules, leaf, other)
    assert {name: str(column.spec) for name, column in plan.tables["public.log_1"].masked.items()} == {"note": "text"}
    assert plan.tables["public.log_1"].rows is not None
    assert plan.tables["public.log_2"].empty
    message = refusal(tmp_path, "unlisted: keep\ntables: {log: {keep: [sise]}}", schema(leaf))
    assert "column public.log.sise (rules.yaml, line 2)" in message
    written = written_rules(tmp_path, rules)
    assert written.on(schema(leaf, other)).digest == written.digest


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
