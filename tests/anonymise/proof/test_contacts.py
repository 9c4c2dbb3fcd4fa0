import numpy as np
import pytest

from etna_pipelines.anonymise.kernels.hash_sets import NOTHING, index
from etna_pipelines.anonymise.proof.contacts import addresses, emails_of, hashes_of, phones_of, usernames_of
from etna_pipelines.anonymise.proof.spelling import keyed
from etna_pipelines.anonymise.values import Values

LETTERS = keyed(4711)


def test_an_address_is_one_without_regard_to_case_and_spaces_around_it() -> None:
    hashes, private = emails_of(Values.of([" Ann@B.co", "ann@b.co", None, "", "bo@b.co"]), LETTERS, NOTHING)
    assert private.tolist() == [True, True, False, False, True]
    assert hashes[0] == hashes[1] != hashes[4]


def test_addresses_of_published_domains_and_below_are_left_out() -> None:
    published = index(hashes_of(["archives.gov.uk"], LETTERS))
    values = Values.of(["a@archives.gov.uk", "a@Press.Archives.GOV.UK", "a@notarchives.gov.uk", "a@gov.uk"])
    assert emails_of(values, LETTERS, published)[1].tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("email", "username"),
    [
        ("Jane.Doe82@x.co", "Jane.Doe82"),
        ("jd77+news@x.co", "jd77"),
        ("jane.doe@x.co", None),
        ("j82@x.co", None),
        ("82@x.co", None),
        ("jane82x@x.co", None),
    ],
)
def test_what_addresses_begin_with_is_a_username_where_digits_say_so(email: str, username: str | None) -> None:
    assert usernames_of(Values.of([email]), LETTERS).to_list() == [username]


def test_a_phone_number_is_one_in_any_grouping() -> None:
    numbers = ["07911 123456", "+44 (0)7911-123456", "00447911123456", "447911123456"]
    assert len(set(phones_of(Values.of(numbers), LETTERS).tolist())) == 1
    assert len(set(phones_of(Values.of(["+33142685300", "0033 1.42.68.53.00"]), LETTERS).tolist())) == 1
    assert len(phones_of(Values.of(["123", None, "", "x", "123456789"]), LETTERS)) == 0


def test_addresses_in_a_text() -> None:
    text = "to <ann@b.co>, to+bo@c.co.uk. @here no@domain é@ü.de ann@b"
    raw = np.frombuffer(text.encode(), np.uint8)
    emails = index(np.sort(emails_of(Values.of(["bo@c.co.uk"]), LETTERS, NOTHING)[0]))
    starts, ends, _, _, known = addresses(raw, np.flatnonzero(raw == ord("@")), LETTERS, emails)
    assert [raw[a:b].tobytes().decode() for a, b in zip(starts, ends, strict=True)] == [
        "ann@b.co",
        "bo@c.co.uk",
        "é@ü.de",
    ]
    assert (known != 0).tolist() == [False, True, False]
