"""YAML with the line of everything in it."""

import pytest
from pydantic import BaseModel, ConfigDict

from etna_pipelines.errors import RulesError
from etna_pipelines.yaml_file import YamlFile, did_you_mean


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: str = "green"


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")

    leaves: list[Leaf] = []
    bark: dict[str, Leaf] = {}


def parse(text: str) -> YamlFile:
    return YamlFile.parse(text, "tree.yaml", RulesError)


def test_every_key_and_item_has_its_line() -> None:
    file = parse("# a tree\nleaves:\n  - colour: red\n\n  - colour: >\n      a long\n      one\nbark: {}\n")

    assert file.value == {"leaves": [{"colour": "red"}, {"colour": "a long one\n"}], "bark": {}}
    places = (("leaves",), ("leaves", 0), ("leaves", 1), ("leaves", 1, "colour"), ("bark",))
    assert [file.line(place) for place in places] == [2, 3, 5, 5, 8]


def test_a_place_that_is_not_written_has_the_line_of_what_is_around_it() -> None:
    assert parse("\nbark:\n  oak: {}\n").line(("bark", "oak", "colour")) == 3


def test_keys_are_texts() -> None:
    assert parse("on: 1\n2026-01-01: 2\n").value == {"on": 1, "2026-01-01": 2}


def test_the_topmost_of_several_mistakes_is_told() -> None:
    file = parse("bark:\n  oak: {color: brown}\nleaves:\n  - {size: 3}\n")

    with pytest.raises(RulesError) as caught:
        file.validate(Tree)
    assert str(caught.value) == ("tree.yaml, line 2: `color` is not a setting of `bark.oak`; did you mean `colour`?")


def test_an_unknown_key_in_a_list() -> None:
    with pytest.raises(RulesError) as caught:
        parse("leaves:\n  - {}\n  - size: 3\n").validate(Tree)
    assert str(caught.value) == "tree.yaml, line 3: `size` is not a setting of `leaves.1`; use one of `colour`."


def test_an_empty_file_is_all_defaults() -> None:
    assert parse("# nothing\n").validate(Tree) == Tree()


@pytest.mark.parametrize("text", ["a: b: c\n", "\tbark: {}\n", "a: \x00\n", "a: 'b\n", "%\n", "a\n---\nb\n"])
def test_what_is_no_yaml(text: str) -> None:
    with pytest.raises(RulesError, match=r"^tree\.yaml, line \d+: this is not YAML \("):
        parse(text)


@pytest.mark.parametrize(
    "text", ["a: !this b\n", "a: !this {b: c}\n", "a: !!set {b}\n", "a: !!python/name:os.system b\n"]
)
def test_tags_are_refused(text: str) -> None:
    with pytest.raises(RulesError, match=r"^tree\.yaml, line 1: this is not YAML \(a tag such as `!this`\)"):
        parse(text)


def test_aliases_stand_for_what_they_name_unless_that_is_without_end() -> None:
    assert parse("a: &it [x]\nb: *it\n").value == {"a": ["x"], "b": ["x"]}
    with pytest.raises(RulesError, match=r"^tree\.yaml, line 1: an alias refers to what it stands in"):
        parse("a: &it [*it]\n")
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    with pytest.raises(RulesError, match="over 200,000 values; use fewer aliases"):
        parse(bomb)


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises(RulesError, match=r"^tree\.yaml: this is nested too deeply"):
        parse("[" * 5000)


def test_a_near_miss_is_suggested_and_anything_else_gets_the_list() -> None:
    assert did_you_mean("snapshat", ["database", "snapshot"]) == "did you mean `snapshot`?"
    assert did_you_mean("colour", ["database", "snapshot"]) == "use one of `database`, `snapshot`."
