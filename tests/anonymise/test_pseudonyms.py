import re
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.pseudonyms import (
    EMAIL_DOMAIN,
    METHODS,
    PHONE_AREAS,
    Pseudonyms,
    key_id,
    national_number,
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
    values=st.lists(st.one_of(st.none(), st.text(max_size=20), st.sampled_from(PEOPLE)), max_size=8), seed=st.randoms()
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
    assert made(pseudonyms, "email", ["ann@x.co"]) == ["teresa.6a4a6c02c7f16ea3@example.com"]
    assert made(pseudonyms, "phone", ["07700 900123"]) == ["0117 496 0492"]


def test_two_keys_share_nothing() -> None:
    values = pl.Series([f"person{i}@x.co" for i in range(1000)])
    tokens = [set(Pseudonyms(key).token(values, "hash")) for key in (KEY, OTHER_KEY)]
    assert len(tokens[0]) == len(tokens[1]) == 1000
    assert not tokens[0] & tokens[1]
    assert not set(Pseudonyms(KEY).email(values)) & set(Pseudonyms(OTHER_KEY).email(values))
    assert key_id(KEY) != key_id(OTHER_KEY)


def test_two_kinds_share_nothing(pseudonyms: Pseudonyms) -> None:
    values = pl.Series([str(i) for i in range(100)])
    assert not set(pseudonyms.token(values, "hash")) & set(pseudonyms.token(values, "password"))
    assert pseudonyms.fake(values, "first").to_list() != pseudonyms.fake(values, "last").to_list()


def test_the_key_id_does_not_tell_the_key() -> None:
    assert re.fullmatch("[0-9a-f]{8}", key_id(KEY))
    assert key_id(KEY) not in KEY.hex()


@pytest.mark.parametrize("maker", ["email", "username"])
@pytest.mark.parametrize("length", [None, 28, 40])
def test_what_is_unique_stays_unique(pseudonyms: Pseudonyms, maker: str, length: int | None) -> None:
    values = pl.Series([f"person{i}@x.co" for i in range(20_000)])
    made = getattr(pseudonyms, maker)(values, length)
    assert made.n_unique() == 20_000
    assert made.str.len_chars().max() <= (length or 100)


def test_an_email_is_at_a_reserved_domain_and_holds_nothing_of_the_original(pseudonyms: Pseudonyms) -> None:
    [email] = made(pseudonyms, "email", ["jane.doe@nationalarchives.gov.uk"])
    assert re.fullmatch(rf"[a-z]+\.[0-9a-f]{{16}}@{re.escape(EMAIL_DOMAIN)}", email or "")
    assert "jane.doe" not in (email or "")


@pytest.mark.parametrize("same", ["Ann@X.co", " ann@x.co", "ANN@X.CO\n"])
def test_an_email_is_the_same_whatever_its_case_and_spaces(pseudonyms: Pseudonyms, same: str) -> None:
    assert made(pseudonyms, "email", [same]) == made(pseudonyms, "email", ["ann@x.co"])


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("07911123456", r"0\d{8,10}"),
        ("07911 123456", r"0[\d ]+ [\d ]+"),
        ("+44 7911 123456", r"\+44 [\d ]+"),
        ("+447911123456", r"\+44\d{8,10}"),
        ("0044 7911 123456", r"\+44 [\d ]+"),
        ("+44 (0)7911 123456", r"\+44 [1-9][\d ]+"),
    ],
)
def test_a_phone_number_is_one_of_drama_in_the_form_that_it_had(pseudonyms: Pseudonyms, number: str, form: str) -> None:
    [fake] = made(pseudonyms, "phone", [number])
    assert fake is not None
    assert re.fullmatch(form, fake)
    [national] = national_number(pl.Series([fake]))
    assert national.startswith(tuple(area.replace(" ", "") for area in PHONE_AREAS))
    assert len(national) == 11


def test_a_phone_number_is_the_same_person_s_however_it_is_written(pseudonyms: Pseudonyms) -> None:
    written = ["07911123456", "07911 123456", "+447911123456", "0044 (0)7911-123-456", "+44 (0) 7911 123456"]
    fakes = national_number(pl.Series(made(pseudonyms, "phone", [*written])))
    assert fakes.n_unique() == 1


@pytest.mark.parametrize("kind", ["first", "last", *METHODS])
def test_a_fake_is_one_of_its_pool_and_the_pool_is_the_same_every_time(pseudonyms: Pseudonyms, kind: str) -> None:
    known = pool(kind, "en_GB")
    pool.cache_clear()
    assert pool(kind, "en_GB").to_list() == known.to_list()
    fakes = pseudonyms.fake(Values.of([f"v{i}" for i in range(200)]), kind)
    assert set(fakes) <= set(known)
    assert not known.str.contains("\n").any()


@pytest.mark.parametrize("kind", ["first", "last"])
def test_pools_of_names_are_used_throughout(pseudonyms: Pseudonyms, kind: str) -> None:
    fakes = pseudonyms.fake(Values.of([f"v{i}" for i in range(20_000)]), kind)
    assert fakes.n_unique() > 0.9 * len(pool(kind, "en_GB"))


def test_a_full_name_is_made_of_the_pseudonyms_of_its_parts(pseudonyms: Pseudonyms) -> None:
    first, last = (pseudonyms.fake(Values.of([part]), kind)[0] for part, kind in (("Ann", "first"), ("Lee", "last")))
    assert made(pseudonyms, "full_name", ["Ann Lee", "ann lee ", "Ann", "", " ", None]) == [
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
