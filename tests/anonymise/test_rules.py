import re
from pathlib import Path

import pytest

from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.rules import load
from etna_pipelines.errors import RulesError
from tests.anonymise.nights import written_rules

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
    assert (rules.is_empty("audit.log"), rules.is_empty("public.log"), rules.is_empty("public.person")) == (
        True, False, False,
    )  # fmt: skip


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
    assert ".." not in message


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "away.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RulesError, match=r"away\.yaml can't be read: name an existing rules file"):
        load(path)
    with pytest.raises(RulesError, match="can't be read"):
        load(tmp_path)
