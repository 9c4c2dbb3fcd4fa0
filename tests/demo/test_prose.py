"""Tests of etna_pipelines/demo/prose.py."""

import random

from etna_pipelines.demo.people import PRESS_OFFICE, PUBLISHED_SENTENCE, people, private_values
from etna_pipelines.demo.prose import AWKWARD, letter, public_prose


def test_public_prose_names_nobody_private() -> None:
    prose = " ".join(public_prose(random.Random(number)) for number in range(200)).casefold()
    assert [value for value in private_values(0.1) if value.casefold() in prose] == []


def test_public_prose_names_the_press_office_and_common_words() -> None:
    prose = public_prose(random.Random(1))
    assert PRESS_OFFICE in prose
    assert PUBLISHED_SENTENCE in prose


def test_a_letter_is_full_of_what_should_not_be_in_it() -> None:
    person = people(0.02)[0]
    letters = [letter(person, random.Random(number)) for number in range(30)]
    assert all(person.name in text and person.email in text and person.postcode in text for text in letters)
    for secret in (person.national_insurance, person.card, person.ip, person.phone):
        assert any(secret in text for text in letters)


def test_awkward_values_are_awkward() -> None:
    together = "".join(AWKWARD)
    for character in ("\t", "\n", "\r\n", "\\N", "\\.", "'", '"', "🐉", "\u202e", "\u00a0", "\ufeff"):
        assert character in together
    assert "" in AWKWARD
    assert "\0" not in together
