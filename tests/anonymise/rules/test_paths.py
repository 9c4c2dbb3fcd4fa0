import pytest

from etna_pipelines.anonymise.rules.paths import Path, Step, compile_paths, parse_path
from etna_pipelines.errors import RulesError


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$.contact.email", Path((Step("contact"), Step("email")))),
        ("$..phone", Path((Step("phone", deep=True),))),
        ("$.people[*].name", Path((Step("people"), Step(), Step("name")))),
        ("$.people.*", Path((Step("people"), Step()))),
        ("$[0][12]", Path((Step(index=0), Step(index=12)))),
        ('$["a name"].x', Path((Step("a name"), Step("x")))),
        (r"$['it\'s']", Path((Step("it's"),))),
        (r'$["caf\u00e9 \"x\""]', Path((Step('café "x"'),))),
        ("$..[*]", Path((Step(deep=True),))),
        ("$..*", Path((Step(deep=True),))),
        ("$.by_email.*~", Path((Step("by_email"), Step()), keys=True)),
        ("$.data-of.@id.$ref.日本", Path((Step("data-of"), Step("@id"), Step("$ref"), Step("日本")))),
    ],
)
def test_a_path_as_it_is_written(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("contact.email", "`contact.email` is not a path: one begins with $"),
        ("", "`` is not a path"),
        ("$", "`$` names the whole document"),
        ("$~", "`$~` names the whole document"),
        ("$contact", "`$contact` is not a path from `contact` on"),
        ("$.a..", "`$.a..` is not a path from `..` on"),
        ("$.a[", "`$.a[` is not a path from `[` on"),
        ("$[-1]", "`$[-1]` is not a path from `[-1]` on"),
        ("$.a b", "`$.a b` is not a path from ` b` on"),
        ("$.a~.b", "`$.a~.b` is not a path from `~.b` on"),
        ("$[?(@.a)]", "`$[?(@.a)]` is not a path"),
        (r'$["\x"]', '`"\\x"` in a path is no name'),
        ("$[0]~", "`$[0]~` names the key of an element, which has none"),
    ],
)
def test_what_is_no_path_is_said(text: str, sentence: str) -> None:
    with pytest.raises(RulesError) as refused:
        parse_path(text)
    assert str(refused.value).startswith(sentence)


def test_paths_that_branch_too_much_are_refused() -> None:
    with pytest.raises(RulesError, match="branch too much"):
        compile_paths([parse_path("$..a" + ".*" * 12 + ".b")], [False])
