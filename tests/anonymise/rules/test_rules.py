import json
import re
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.rules.rules import Rules, load
from etna_pipelines.anonymise.rules.rules_file import json_schema
from etna_pipelines.errors import RulesError
from tests.anonymise.nights import schema, table, written_rules

GOOD = """\
columns:
  id: keep
  "*_email": email
public:
  domains: [archives.example]
tables:
  person:
    keep: [born]
    columns:
      name: fake(name)
      note:
      id: hash
  audit.log:
    data: empty
"""


@pytest.mark.parametrize(
    ("table", "column", "mask", "line"),
    [
        ("public.person", "born", "keep", 8),
        ("public.person", "name", "fake(name)", 10),
        ("public.person", "note", "null", 11),
        ("public.person", "id", "hash", 12),
        ("public.person", "work_email", "email", 3),
        ("public.other", "id", "keep", 2),
        ("other.person", "id", "keep", 2),
    ],
)
def test_the_table_s_own_rule_goes_before_a_pattern_and_knows_its_line(
    tmp_path: Path, table: str, column: str, mask: str, line: int
) -> None:
    rule = written_rules(tmp_path, GOOD).for_column(table, column)
    assert rule is not None
    assert (str(rule.spec), rule.origin) == (mask, f"rules.yaml, line {line}")


def test_of_two_patterns_the_first_is_taken(tmp_path: Path) -> None:
    rules = written_rules(tmp_path, 'columns:\n  "user_*": hash\n  "*_id": keep\n')
    rule = rules.for_column("public.t", "user_id")
    assert rule is not None
    assert rule.spec == MaskSpec("hash")


def test_what_no_rule_names_has_none(tmp_path: Path) -> None:
    rules = written_rules(tmp_path, GOOD)
    assert rules.for_column("public.person", "height") is None
    assert rules.for_column("other.person", "name") is None
    assert [rules.data(table) for table in ("audit.log", "public.log", "public.person")] == ["empty", "keep", "keep"]


def test_every_name_in_the_rules_is_told_with_its_line(tmp_path: Path) -> None:
    assert set(written_rules(tmp_path, GOOD).named()) == {
        ("public.person", None, "rules.yaml, line 7"),
        ("public.person", "born", "rules.yaml, line 8"),
        ("public.person", "name", "rules.yaml, line 10"),
        ("public.person", "note", "rules.yaml, line 11"),
        ("public.person", "id", "rules.yaml, line 12"),
        ("audit.log", None, "rules.yaml, line 13"),
    }


def test_the_digest_is_of_what_the_rules_say(tmp_path: Path) -> None:
    digest = written_rules(tmp_path, GOOD).digest
    assert written_rules(tmp_path, f"# a comment\n{GOOD}").digest == digest
    assert written_rules(tmp_path, GOOD.replace("born", "dead")).digest != digest


def test_no_rules_at_all_are_rules(tmp_path: Path) -> None:
    assert written_rules(tmp_path, "").named() == []


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("tables:\n  person:\n    colums: {}\n", 3, "`colums` is not a setting of `tables.person`; did you mean"),
        ("table: {}\n", 1, "`table` is not a setting; did you mean `tables`?"),
        ("tables:\n  t:\n    columns:\n      a: mail\n", 4, "`mail` is not a mask; there are keep"),
        ("tables:\n  t:\n    columns:\n      a: fake(shoe)\n", 4, "`fake(shoe)` is not known"),
        ("columns:\n  id: kep\n", 2, "`kep` is not a mask"),
        ("tables:\n  t:\n    keep: [a]\n    columns:\n      a: hash\n", 3, "`a` has two rules"),
        ("tables:\n  t:\n    keep: [a, b, a]\n", 3, "`a` has two rules"),
        ("tables:\n  t:\n    columns:\n      a: hash\n      a: keep\n", 5, "`tables.t.columns.a` is said twice"),
        ("tables:\n  t: {}\n  t: {}\n", 3, "`tables.t` is said twice"),
        ("tables:\n  t: {}\n  public.t: {}\n", 3, "`public.t` has rules without its schema too"),
        ("tables:\n  t:\n    data: drop\n", 3, "`tables.t.data` must be `keep`, `empty` or `skip`"),
        ("tables:\n  t: [a]\n", 2, "`tables.t` must be a mapping"),
        ("tables:\n  t:\n    columns:\n      a: [hash]\n", 4, "must be a mask, such as `email`, or a mapping"),
        ("tables:\n  t:\n   keep: [a\n", 4, "this is not YAML"),
        ("tables:\n\tt: {}\n", 2, "this is not YAML"),
        ("- tables\n", 1, "the file must be a mapping"),
        ("tables:\n  t:\n    email: email\n", 3, "a column's mask stands under its `columns:`"),
        ("tables:\n  t:\n    email: {mask: email}\n", 3, "a column's mask stands under its `columns:`"),
        ("tables:\n  t:\n    kep: [a]\n", 3, "did you mean `keep`?"),
        ("person:\n  keep: [a]\n", 1, "`person` is not a setting; a table's rules stand under `tables:`"),
        ("columns:\n  person:\n    keep: [a]\n", 3, "`columns.person` is a column here; a table stands"),
        ("tables:\n  t:\n    columns:\n      u:\n        data: empty\n", 5, "is a column here; a table stands under"),
        ("tables:\n  t:\n    columns:\n      a: {mask: email, wen: b}\n", 4, "`wen` is not a setting of"),
        ("tables:\n  t:\n    columns:\n      a: {when: b}\n", 4, "has no `mask`; add it"),
        ("tables:\n  t:\n    columns:\n      a: 5\n", 4, "must be a mask, such as `email`, or a mapping"),
        ("tables:\n  t:\n    columns:\n      a:\n        mask: email\n        unique: yess\n", 6, "`true` or `false`"),
        ("columns:\n  a: {mask: hash, locale: de_XX}\n", 2, "Faker has no locale `de_XX`; did you mean"),
        ("columns:\n  a:\n    mask: scrub\n    $.b: mail\n", 4, "`mail` is not a mask"),
        ("columns:\n  a:\n    mask: scrub\n    $.b: [x]\n", 4, "`columns.a.$.b` must be a text"),
        ("columns:\n  a:\n    mask: scrub\n    $b: hash\n", 4, "`$b` is not a path"),
        ("tables:\n  t:\n    data: empty\n    keep: [a]\n", 4, "no effect, for rules.yaml, line 3 says `data: empty`"),
        ("tables:\n  t:\n    data: skip\n    rows: a > 1\n", 4, "`tables.t.rows` has no effect"),
        ("tables:\n  t:\n    rows: 5\n", 3, "`tables.t.rows` must be a text"),
        ("unlisted: drop\n", 1, "`unlisted` must be `fail`, `null` or `keep`"),
        ("large_objects: keep\n", 1, "`large_objects` must be `fail` or `skip`"),
        ("include: [base.yaml]\n", 1, "`base.yaml` can't be read; name a rules file beside this one"),
        ("include:\n  - rules.yaml\n", 2, "`rules.yaml` includes this file already"),
        ("include: {a: b}\n", 1, "`include` must be a list"),
        ("tables:\n  t:\n    keep: [no]\n", 3, "must be a text"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    with pytest.raises(RulesError) as refused:
        written_rules(tmp_path, text)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}/rules.yaml, line {line}: ")
    assert sentence in message
    assert "\n" not in message
    assert re.search(r"[.?]$", message)
    assert not message.endswith("..")


def written(directory: Path, **files: str) -> Rules:
    """The first of some rules files."""
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load(directory / f"{next(iter(files))}.yaml")


SITE = """\
include: [wagtail.yaml, auth.yaml]
unlisted: null
columns:
  "*_email": phone
tables:
  page:
    columns:
      title: email
  session:
    data: empty
  log:
    data: keep
    keep: [at]
"""
WAGTAIL = """\
include: auth.yaml
columns: {id: keep, "*_email": email}
tables:
  page: {keep: [path, title], columns: {body: scrub}, rows: path > '1'}
  session: {keep: [key]}
  log: {data: empty}
public: {domains: [one.example], words: [admin]}
large_objects: skip
"""
AUTH = """\
unlisted: keep
columns: {"*": hash}
tables: {page: {columns: {body: hash}}, user: {columns: {name: fake(name)}}}
public: {domains: [one.example, two.example]}
"""


def test_what_a_file_includes_it_begins_with(tmp_path: Path) -> None:
    rules = written(tmp_path, site=SITE, wagtail=WAGTAIL, auth=AUTH)
    assert rules.files == ["site.yaml", "wagtail.yaml", "auth.yaml"]
    expected = {
        ("page", "title"): ("email", "site.yaml, line 8"),
        ("page", "path"): ("keep", "wagtail.yaml, line 4"),
        ("page", "body"): ("scrub", "wagtail.yaml, line 4"),
        ("user", "name"): ("fake(name)", "auth.yaml, line 3"),
        ("user", "id"): ("keep", "wagtail.yaml, line 2"),
        ("user", "work_email"): ("phone", "site.yaml, line 4"),
        ("user", "city"): ("hash", "auth.yaml, line 2"),
    }
    for (name, column), (mask, origin) in expected.items():
        rule = rules.for_column(f"public.{name}", column)
        assert rule is not None
        assert (str(rule.spec), rule.origin) == (mask, origin)
    assert [rules.data(f"public.{table}") for table in ("page", "session", "log", "user")] == [
        "keep", "empty", "keep", "keep",
    ]  # fmt: skip
    rows = rules.rows("public.page")
    assert rows is not None
    assert (rows.value, rows.origin) == ("path > '1'", "wagtail.yaml, line 4")
    assert (rules.unlisted.value, rules.unlisted.origin) == ("null", "site.yaml, line 2")
    assert (rules.large_objects.value, rules.public.domains) == ("skip", ["one.example", "two.example"])
    assert rules.public.words == ["admin"]
    assert {table for table, _, _ in rules.named()} == {"public.page", "public.session", "public.log"}


def test_mistakes_in_what_is_included_are_told_with_its_name_and_line(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"/base\.yaml, line 2: `kep` is not a mask"):
        written(tmp_path, site="include: base.yaml", base="columns:\n  id: kep\n")
    with pytest.raises(RulesError, match=r"/base\.yaml, line 1: `site\.yaml` includes this file already"):
        written(tmp_path, site="include: base.yaml", base="include: site.yaml")
    with pytest.raises(
        RulesError, match=r"/site\.yaml, line 2: .*has no effect, for base\.yaml, line 1 says `data: empty`"
    ):
        written(
            tmp_path,
            site="include: base.yaml\ntables: {t: {keep: [a]}}",
            base="tables: {t: {data: empty}}",
        )


def test_a_file_goes_before_what_it_includes_for_partitions_too(tmp_path: Path) -> None:
    log_1, log_2 = (table(name, "email", "note").model_copy(update={"partition_of": ["public.log"]}) for name in "ab")
    rules = written(
        tmp_path,
        site="include: base.yaml\ntables: {log: {data: keep, rows: note <> '', columns: {email: email}}}",
        base="""tables:
  a: {keep: [email, note], rows: note = 'x'}
  b: {data: empty}
""",
    ).on(schema(log_1, log_2))
    email, note = (rules.for_column("public.a", name) for name in ("email", "note"))
    assert email is not None
    assert note is not None
    assert (str(email.spec), email.origin) == ("email", "site.yaml, line 2")
    assert (str(note.spec), note.origin) == ("keep", "base.yaml, line 2")
    rows = rules.rows("public.a")
    assert rows is not None
    assert (rows.value, rules.data("public.b")) == ("note <> ''", "keep")


def test_only_the_file_itself_keeps_what_no_rule_names(tmp_path: Path) -> None:
    with pytest.raises(
        RulesError, match=r"/base\.yaml, line 2: `unlisted: keep` can't be included.* site\.yaml itself"
    ):
        written(tmp_path, site="include: base.yaml", base="columns: {id: keep}\nunlisted: keep")
    assert written(tmp_path, site="unlisted: fail\ninclude: base.yaml").unlisted.value == "fail"
    assert written(tmp_path, site="include: base.yaml", base="unlisted: null").unlisted.value == "null"


def test_a_file_may_take_out_what_it_includes_and_keep_what_that_takes_out(tmp_path: Path) -> None:
    taken = written(
        tmp_path, site="include: base.yaml\ntables: {t: {data: empty}}", base="tables: {t: {keep: [a], rows: a > 1}}"
    )
    assert taken.data("public.t") == "empty"
    kept = written(
        tmp_path,
        site="include: [one.yaml, two.yaml]\ntables: {t: {data: keep}}",
        one="tables: {t: {data: empty}}",
        two="tables: {t: {keep: [a]}}",
    )
    assert kept.data("public.t") == "keep"
    assert kept.for_column("public.t", "a")


def test_a_rule_may_say_more_than_a_mask(tmp_path: Path) -> None:
    rules = written_rules(
        tmp_path,
        """
tables:
  person:
    columns:
      details:
        mask: scrub
        when: id > 1
        unless: is_staff
        unique: true
        locale: de_DE
        checked: true
        $.contact.email: email
        "$.people[*].name": fake(name)
        $..phone:
""",
    )
    rule = rules.for_column("public.person", "details")
    assert rule is not None
    assert (rule.when, rule.unless, rule.checked) == ("id > 1", "is_staff", True)
    assert rule.spec == MaskSpec(
        "scrub",
        paths=(
            ("$.contact.email", MaskSpec("email")),
            ("$.people[*].name", MaskSpec("fake", ("name",))),
            ("$..phone", MaskSpec("null")),
        ),
        locale="de_DE",
        unique=True,
    )


MASKS = st.sampled_from(
    ["keep", "null", "scrub", "fake( first )", "{mask: email, unless: a}", "{mask: scrub, $.a: hash}"]
)
NAMES = st.sampled_from(["a", "b", "c", "d"])
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, MASKS, min_size=1), min_size=1)


@given(TABLES, st.randoms(use_true_random=False))
def test_the_digest_knows_no_order_comments_or_files(tables: dict[str, dict[str, str]], random: Random) -> None:
    def said(order: bool) -> str:
        lines = ["tables:"]
        for table in random.sample(list(tables), len(tables)) if order else tables:
            masks = tables[table]
            kept = [column for column, mask in masks.items() if mask == "keep" and order]
            listed = [(column, mask) for column, mask in masks.items() if column not in kept]
            lines += [f"  {table}: # {random.random()}", f"    keep: [{', '.join(reversed(kept))}]", "    columns:"]
            lines += [f"      {column}: {mask}" for column, mask in reversed(listed)] or ["      {}"]
        return "\n".join(lines)

    with TemporaryDirectory() as directory:
        one, other = Path(directory) / "one", Path(directory) / "other"
        one.mkdir(), other.mkdir()
        digest = written_rules(one, said(False)).digest
        assert written(other, site="include: base.yaml", base=said(True)).digest == digest
        table = next(iter(tables))
        assert written_rules(one, f"{said(False)}\n  {table}_2: {{data: empty}}").digest != digest


def test_the_order_of_patterns_is_part_of_the_digest(tmp_path: Path) -> None:
    one = written_rules(tmp_path, 'columns: {"a*": hash, "*b": email}').digest
    assert written_rules(tmp_path, 'columns: {"*b": email, "a*": hash}').digest != one


SHIPPED = Path(__file__).parents[3] / "anonymisation_rules"


def test_editors_are_told_what_the_language_is() -> None:
    """Where this fails: `etna rules schema > anonymisation_rules/schema.json`."""
    assert json.loads((SHIPPED / "schema.json").read_text()) == json_schema()


@pytest.mark.parametrize("name", ["etna", "wagtail", "demo"])
def test_the_rules_that_come_along_are_what_editors_are_told(name: str) -> None:
    path = SHIPPED / f"{name}.yaml"
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    validator = Draft202012Validator(json_schema())
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []
    assert load(path).tables
    for wrong in ({"tables": {"t": {"colums": {}}}}, {"columns": {"a": "mail"}}, {"columns": {"a": {"when": "b"}}}):
        assert not validator.is_valid(wrong)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "away.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RulesError, match=r"away\.yaml can't be read: name an existing rules file"):
        load(path)
    with pytest.raises(RulesError, match="can't be read"):
        load(tmp_path)
