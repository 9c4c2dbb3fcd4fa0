import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.pseudonyms.pseudonyms import (
    EMAIL_DOMAIN,
    METHODS,
    Pseudonyms,
    pool,
)
from etna_pipelines.anonymise.values import Values
from tests.anonymise.nights import KEY

OTHER_KEY = bytes(range(100, 132))
MAKERS = ["email", "phone", "username", "full_name", "file"]
PEOPLE = ["ann@x.co", "Ann Lee", "07700 900123", "Siân Ŵyn-Jones", "O'Brien", "", " ", "日本", "a" * 5000, "Ann\nLee"]


def made(pseudonyms: Pseudonyms, maker: str, values: list[str | None]) -> list[str | None]:
    found: Values = getattr(pseudonyms, maker)(Values.of(values))
    return found.to_list()


@pytest.mark.parametrize("maker", MAKERS)
@given(
    values=st.lists(
        st.one_of(
            st.none(),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
            st.sampled_from(PEOPLE),
        ),
        max_size=8,
    ),
    seed=st.randoms(),
)
def test_a_pseudonym_depends_on_nothing_but_key_and_value(maker: str, values: list[str | None], seed: Random) -> None:
    once = dict(zip(values, made(Pseudonyms(KEY), maker, values), strict=True))
    shuffled = list(values)
    seed.shuffle(shuffled)
    assert dict(zip(shuffled, made(Pseudonyms(KEY), maker, shuffled), strict=True)) == once


@pytest.mark.parametrize("maker", MAKERS)
def test_null_stays_null(pseudonyms: Pseudonyms, maker: str) -> None:
    assert made(pseudonyms, maker, [None, None]) == [None, None]
    assert made(pseudonyms, maker, []) == []
    assert made(pseudonyms, maker, [None, "x"])[0] is None


def test_what_today_makes_of_a_value_another_release_must_make_too() -> None:
    """Snapshots of different weeks are compared by their pseudonyms: a change here is a change of every pseudonym."""
    pseudonyms = Pseudonyms(KEY)
    assert made(pseudonyms, "email", ["ann@x.co"]) == ["marion.43f7cb5985bf55c7@example.com"]
    assert made(pseudonyms, "phone", ["07700 900123"]) == ["020 7946 0741"]


def test_two_keys_share_nothing() -> None:
    values = Values.of([f"person{i}@x.co" for i in range(1000)])
    tokens = [set(Pseudonyms(key).token(values, "hash").to_list()) for key in (KEY, OTHER_KEY)]
    assert len(tokens[0]) == len(tokens[1]) == 1000
    assert not tokens[0] & tokens[1]
    assert not set(Pseudonyms(KEY).email(values).to_list()) & set(Pseudonyms(OTHER_KEY).email(values).to_list())


def test_two_kinds_share_nothing(pseudonyms: Pseudonyms) -> None:
    values = Values.of([str(i) for i in range(100)])
    assert not set(pseudonyms.token(values, "hash").to_list()) & set(pseudonyms.token(values, "password").to_list())
    assert not set(pseudonyms.numbers(values, "pick").tolist()) & set(pseudonyms.numbers(values, "noise").tolist())
    assert pseudonyms.fake(values, "first").to_list() != pseudonyms.fake(values, "last").to_list()


@pytest.mark.parametrize("maker", ["email", "username"])
@pytest.mark.parametrize("length", [None, 28, 40])
def test_what_is_unique_stays_unique(pseudonyms: Pseudonyms, maker: str, length: int | None) -> None:
    values = Values.of([f"person{i}@x.co" for i in range(20_000)])
    made = getattr(pseudonyms, maker)(values, length).series()
    assert made.n_unique() == 20_000
    assert made.str.len_chars().max() <= (length or 100)


@pytest.mark.parametrize("maker", ["email", "username"])
def test_exactly_taken_case_tells_values_apart_and_lower_case_has_the_usual_pseudonym(
    pseudonyms: Pseudonyms, maker: str
) -> None:
    values = Values.of(["ann@x.co", "Ann@x.co", "ANN@x.co"])
    exact = getattr(pseudonyms, maker)(values, exact=True).to_list()
    assert len(set(exact)) == 3
    assert exact[0] == made(pseudonyms, maker, ["ann@x.co"])[0]


@pytest.mark.parametrize("digits", [1, 16, 17, 40, 64])
def test_a_token_has_as_many_digits_as_are_asked_for_and_shorter_ones_begin_longer_ones(
    pseudonyms: Pseudonyms, digits: int
) -> None:
    values = Values.of(["ann", None, ""])
    [one, none, empty] = pseudonyms.token(values, "hash", digits, begin="!").to_list()
    assert re.fullmatch(f"![0-9a-f]{{{digits}}}", one or "")
    assert (none, len(empty or "")) == (None, digits + 1)
    assert f"!{pseudonyms.token(values, 'hash', 64).to_list()[0]}".startswith(one or "-")


def test_an_email_is_at_a_reserved_domain_and_holds_nothing_of_the_original(pseudonyms: Pseudonyms) -> None:
    [email] = made(pseudonyms, "email", ["jane.doe@nationalarchives.gov.uk"])
    assert re.fullmatch(rf"[a-z]+\.[0-9a-f]{{16}}@{re.escape(EMAIL_DOMAIN)}", email or "")
    assert "jane.doe" not in (email or "")


@pytest.mark.parametrize("same", ["Ann@X.co", " ann@x.co", "ANN@X.CO\n"])
def test_an_email_is_the_same_whatever_its_case_and_spaces(pseudonyms: Pseudonyms, same: str) -> None:
    assert made(pseudonyms, "email", [same]) == made(pseudonyms, "email", ["ann@x.co"])


@pytest.mark.parametrize("kind", ["first", "last", *METHODS])
def test_a_fake_is_one_of_its_pool_and_the_pool_is_the_same_every_time(pseudonyms: Pseudonyms, kind: str) -> None:
    known = pool(kind, "en_GB")
    pool.cache_clear()
    assert pool(kind, "en_GB").to_list() == known.to_list()
    fakes = pseudonyms.fake(Values.of([f"v{i}" for i in range(200)]), kind)
    assert set(fakes.to_list()) <= set(known)
    assert not known.str.contains("\n").any()


@pytest.mark.parametrize("kind", ["first", "last"])
def test_pools_of_names_are_used_throughout(pseudonyms: Pseudonyms, kind: str) -> None:
    fakes = pseudonyms.fake(Values.of([f"v{i}" for i in range(20_000)]), kind)
    assert fakes.series().n_unique() > 0.9 * len(pool(kind, "en_GB"))


def test_a_full_name_is_made_of_the_pseudonyms_of_its_parts(pseudonyms: Pseudonyms) -> None:
    [first] = pseudonyms.fake(Values.of(["Ann"]), "first").to_list()
    [last] = pseudonyms.fake(Values.of(["Lee"]), "last").to_list()
    assert first and last
    assert made(pseudonyms, "full_name", ["Ann Lee", "ann  lee ", "Ann", "", " ", None]) == [
        f"{first} {last}", f"{first} {last}", first, "", " ", None,
    ]  # fmt: skip
    assert {first.lower(), last.lower()} <= pseudonyms.emitted


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("documents/cv_jane_jones.pdf", r"documents/[0-9a-f]{16}\.pdf"),
        ("original_images/2024/Jane Jones.JPG", r"original_images/2024/[0-9a-f]{16}\.JPG"),
        ("jane.jones", r"[0-9a-f]{16}"),
        ("documents/jane.jones/scan", r"documents/jane\.jones/[0-9a-f]{16}"),
    ],
)
def test_a_file_has_another_name_where_it_was(pseudonyms: Pseudonyms, path: str, form: str) -> None:
    [fake] = made(pseudonyms, "file", [path])
    assert re.fullmatch(form, fake or "")
