"""Tests of etna_pipelines/demo/people.py."""

import re

from faker.providers.person.en_GB import Provider

from etna_pipelines.demo.people import (
    COMMON_SURNAMES,
    PUBLISHED_AUTHORS,
    WELSH_FIRST_NAMES,
    ascii_slug,
    people,
    private_values,
    published_values,
)


def test_the_same_people_come_every_time() -> None:
    first = people(0.02)
    people.cache_clear()
    assert people(0.02) == first


def test_a_greater_scale_begins_with_the_same_people() -> None:
    users = [person for person in people(0.02) if not person.gone]
    assert list(people(0.05)[: len(users)]) == users


def test_at_scale_1_there_are_two_thousand_accounts_and_some_that_are_gone() -> None:
    assert sum(not person.gone for person in people(1)) == 2000
    assert sum(person.gone for person in people(1)) == 50


def test_nobody_shares_an_address_a_token_or_a_name_to_log_in_with() -> None:
    for values in zip(*((person.username, person.email, person.token) for person in people(1)), strict=True):
        assert len(set(values)) == len(people(1))


def test_surnames_are_unmistakable_or_words() -> None:
    for person in people(1):
        assert person.common == (person.last_name in COMMON_SURNAMES)
        assert person.common or person.last_name not in Provider.last_names
    assert 0.05 < sum(person.common for person in people(1)) / len(people(1)) < 0.15


def test_welsh_names_and_apostrophes_are_among_them() -> None:
    assert {person.first_name for person in people(1)} >= set(WELSH_FIRST_NAMES)
    assert any(person.last_name.startswith("O'Connor") for person in people(1))
    assert any(person.last_name.startswith("ap Rhys") for person in people(1))


def test_nothing_private_is_published() -> None:
    published = " ".join(published_values()).casefold()
    assert [value for value in private_values(1) if value.casefold() in published] == []


def test_mail_domains_are_none_that_are_reserved_for_examples() -> None:
    reserved = re.compile(r"\bexample\.(com|org|net)$|\.(example|test|invalid|localhost)$")
    assert [person.email for person in people(1) if reserved.search(person.email)] == []


def test_phones_are_british_and_none_is_kept_for_drama() -> None:
    for person in people(1):
        digits = re.sub(r"\D", "", person.phone.replace("+44", "0").replace("(0)", ""))
        assert re.fullmatch(r"07[4-6]\d{8}|01(443|792|970)\d{6}", digits), digits
        assert not digits.startswith("07700900")


def test_national_insurance_numbers_have_their_official_form() -> None:
    official = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")
    for person in people(1):
        assert official.fullmatch(person.national_insurance.replace(" ", ""))


def test_card_numbers_pass_their_check_digit() -> None:
    for person in people(1):
        digits = [int(digit) for digit in person.card.replace(" ", "")]
        odd = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
        assert len(digits) == 16
        assert (sum(odd) + sum(digits[-1::-2])) % 10 == 0


def test_slugs_are_plain_letters() -> None:
    assert ascii_slug("Llŷr ap Rhys-O'Connor") == "llyr-ap-rhys-o-connor"
    assert ascii_slug("St. John", "") == "stjohn"


def test_the_published_are_nobody_private() -> None:
    assert not {person.name for person in people(1)} & set(PUBLISHED_AUTHORS)
