import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.masks import parse
from etna_pipelines.errors import RulesError
from tests.anonymise.masks.masking import OTHER_KEY, masked

STORED = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def test_redact_keeps_nothing_but_the_shape() -> None:
    assert masked("redact", ["O'Connor-Smith 42", "“Ŵŵ” №7\n日本"]) == ["x'xxxxxx-xxxxx xx", "“xx” xx\nxx"]
    assert masked("redact(#)", ["ab, 1"]) == ["##, #"]
    assert masked("redact", ["さとう、カナ々 Ⅳ㈱"]) == ["xxx、xxx xx"]


def test_no_letter_of_any_script_stays() -> None:
    beyond = "".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x110000)]))
    [redacted] = masked("redact", [beyond])
    assert redacted is not None
    stay = [old for old, new in zip(beyond, redacted, strict=True) if old == new]
    assert "“" in stay and "、" in stay
    assert not any(map(str.isalnum, stay))
    assert max(stay) < "\u3021"


@pytest.mark.parametrize(
    ("mask", "value", "instead"),
    [
        ("mask(1, 2)", "abcdefgh", "a*****gh"),
        ("mask(0, 4, .)", "4111111111111111", "............1111"),
        ("mask(4, 4)", "abcdef", "a***ef"),
        ("mask(9, 0)", "abc", "a**"),
        ("mask(9, 9)", "a", "*"),
        ("mask(0, 0)", "ab", "**"),
        ("mask(1, 1)", "Ŵŵ日本", "Ŵ**本"),
    ],
)
def test_mask_keeps_head_and_tail_but_never_more_than_half(mask: str, value: str, instead: str) -> None:
    assert masked(mask, [value]) == [instead]


@pytest.mark.parametrize("mask", ["mask(a, 1)", "mask(-1, 1)", "mask(1, 1, ab)", "redact(ab)", "redact(█)"])
def test_numbers_and_characters_that_are_none_are_refused(mask: str) -> None:
    with pytest.raises(RulesError, match=r"numbers of characters|one ASCII character"):
        parse(mask)


@given(value=STORED)
def test_scramble_changes_letters_and_digits_alone(value: str) -> None:
    [scrambled] = masked("scramble", [value])
    assert scrambled is not None
    assert len(scrambled) == len(value)
    for old, new in zip(value, scrambled, strict=True):
        if old.isascii():
            assert (old.isdigit(), old.islower(), old.isupper()) == (new.isdigit(), new.islower(), new.isupper())
            assert old.isalnum() or new == old


def test_scramble_is_keyed() -> None:
    assert masked("scramble", ["Ann Lee 1234"]) != masked("scramble", ["Ann Lee 1234"], key=OTHER_KEY)
    assert masked("scramble", ["“Zoë”"])[0] not in (None, "“Zoë”")


@given(value=STORED)
def test_prose_has_as_many_words_and_the_same_space_between(value: str) -> None:
    [prose] = masked("text", [value])
    spaces = " \t\n\r\v\f\x1c\x1d\x1e\x1f" + "".join(map(chr, range(1, 33)))
    table = str.maketrans(dict.fromkeys(spaces, " "))
    assert prose is not None
    assert [bool(word) for word in prose.translate(table).split(" ")] == [
        bool(word) for word in value.translate(table).split(" ")
    ]


def test_prose_keeps_capitals_marks_and_paragraphs() -> None:
    [prose] = masked("text", ["Dear Sir,\n\nyour book is late. Why?"])
    first, second = str(prose).split("\n\n")
    assert [word[0].isupper() for word in first.split()] == [True, True]
    assert (first[-1], second[-1]) == (",", "?")
    assert len(second.split()) == 5
    assert masked("text", ["Dear Sir"], type_="character varying(3)") == [str(masked("text", ["Dear Sir"])[0])[:3]]


def test_replace_is_a_regular_expression() -> None:
    assert masked(r'replace("(\w)\w*", "${1}.")', ["Ann Lee"]) == ["A. L."]
    with pytest.raises(RulesError, match="Rust's regex library does not read"):
        parse('replace("(?=a)", b)')


def test_replace_takes_time_by_the_length_of_the_text_alone() -> None:
    assert masked('replace("(a+)+$", b)', ["a" * 100_000 + "c"]) == ["a" * 100_000 + "c"]
