import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.masks import MaskSpec, parse
from etna_pipelines.anonymise.masks.spec import split_arguments
from etna_pipelines.errors import RulesError


@pytest.mark.parametrize(
    ("inside", "arguments"),
    [
        ("", ("",)),
        ("a,b , c d", ("a", "b", "c d")),
        ('"a, (b)", c', ("a, (b)", "c")),
        ("' a ',\"it's\"", (" a ", "it's")),
        ('"say ""no"""', ('say "no"',)),
        ("O'Brien, 6\"", ("O'Brien", '6"')),
        ('pick("a, b", c), d', ('pick("a, b", c)', "d")),
        ("old=new, *=x", ("old=new", "*=x")),
    ],
)
def test_arguments_are_split_at_commas(inside: str, arguments: tuple[str, ...]) -> None:
    assert split_arguments(inside) == arguments


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("a)", "closes a bracket that is not open"),
        ("f(a", "opens a bracket that is not closed"),
        ('"a', "opens a quote that is not closed"),
        ("'tis, b", "opens a quote that is not closed"),
        ("(" * 5_000, "too many brackets"),
    ],
)
def test_brackets_and_quotes_that_do_not_match_are_refused(inside: str, problem: str) -> None:
    with pytest.raises(RulesError) as refused:
        split_arguments(inside)
    assert problem in str(refused.value)


def test_what_is_shown_of_a_mask_holds_no_value() -> None:
    for text in (
        "set(letmein)",
        "password(django, letmein)",
        "pick(letmein, b)",
        "map(letmein=b)",
        "each(set(letmein))",
    ):
        spec = MaskSpec("scrub", paths=(("$.a", parse(text)), ("$.b", parse("fake(first)"))))
        assert spec.shown == f"scrub, $.a: {text.partition('(')[0]}(...), $.b: fake(first)"


@given(arguments=st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_a_mask_is_read_as_it_was_written(arguments: list[str]) -> None:
    spec = MaskSpec("pick", tuple(arguments))
    assert parse(str(spec)) == spec
