import re

import pytest

from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.pseudonyms.stand_ins import StandIns
from etna_pipelines.anonymise.scrub.patterns import Kind, is_account, is_health_number
from etna_pipelines.anonymise.values import Values
from tests.anonymise.masks.masking import KEY, masked


@pytest.mark.parametrize(
    ("kind", "written", "another"),
    [
        ("phone", "07911 123456", "+44 (0)7911-123456"),
        ("national_insurance", "AB 12 34 56 C", "AB123456C"),
        ("card", "4111 1111 1111 1111", "4111111111111111"),
        ("health", "943 476 5919", "9434765919"),
        ("account", "GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
        ("postcode", "SW1A 1AA", "SW1A1AA"),
    ],
)
def test_one_number_has_one_stand_in_however_it_is_grouped(
    pseudonyms: Pseudonyms, kind: Kind, written: str, another: str
) -> None:
    one, two = StandIns(pseudonyms).of(kind, [written, another])
    begun = 1 if kind == "phone" else 0
    assert re.sub(r"\W", "", one)[begun:] == re.sub(r"\W", "", two).removeprefix("440")
    assert re.sub(r"\w", "", one) == re.sub(r"\w", "", written) or kind == "postcode"
    assert one != written


def test_an_address_is_that_of_its_column(pseudonyms: Pseudonyms) -> None:
    made = StandIns(pseudonyms)
    assert made.of("email", ["Jane@b.co"]) == pseudonyms.email(Values.of(["jane@b.co"])).to_list()


@pytest.mark.parametrize(
    ("kind", "mask", "values"),
    [
        ("card", "fake(card)", ["4111 1111 1111 1111", "4111111111111111", "3782-822463-10005"]),
        ("account", "fake(iban)", ["GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000"]),
        ("postcode", "fake(postcode)", ["SW1A 1AA", "EC1A 1BB"]),
        ("ip", "fake(ip)", ["81.2.69.142", "2a00:1450:4009::1"]),
    ],
)
def test_codes_are_those_of_their_columns(kind: Kind, mask: str, values: list[str]) -> None:
    assert StandIns(Pseudonyms(KEY)).of(kind, values) == masked(mask, values)


def test_a_postcode_is_one_however_it_is_written() -> None:
    one, *others = masked("fake(postcode)", ["SW1A 1AA", "sw1a1aa", " SW1A1AA "])
    assert others == [one, one]


def test_stand_ins_are_nobody_s(pseudonyms: Pseudonyms) -> None:
    made = StandIns(pseudonyms)
    [account] = made.of("account", ["GB29NWBK60161331926819"])
    assert account.startswith("ZZ")
    assert is_account(account)
    assert not is_health_number(made.of("health", ["9434765919"])[0])
    four, six = made.of("ip", ["81.2.69.142", "2001:470::1"])
    assert four.startswith(("192.0.2.", "198.51.100.", "203.0.113."))
    assert six.startswith("2001:db8::")
