import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.pseudonyms.phones import PHONE_AREAS, national_numbers
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.values import Values


def faked(pseudonyms: Pseudonyms, numbers: list[str]) -> list[str]:
    return [str(fake) for fake in pseudonyms.phone(Values.of(numbers)).to_list()]


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
    [fake] = faked(pseudonyms, [number])
    assert re.fullmatch(form, fake)
    national = str(national_numbers(Values.of([fake]))[0].to_list()[0])
    assert national.startswith(tuple(area.replace(" ", "") for area in PHONE_AREAS))
    assert len(national) == 11


def test_a_phone_number_is_the_same_person_s_however_it_is_written(pseudonyms: Pseudonyms) -> None:
    written = ["07911123456", "07911 123456", "+447911123456", "0044 (0)7911-123-456", "+44 (0) 7911 123456"]
    fakes = national_numbers(Values.of(faked(pseudonyms, written)))[0].to_list()
    assert len(set(fakes)) == 1


@given(st.lists(st.one_of(st.none(), st.text("+0124 ()-.x\u00a0é", max_size=12))))
def test_a_number_is_its_digits_with_a_nought_for_the_country(numbers: list[str | None]) -> None:
    read, _forms = national_numbers(Values.of(numbers))
    digits = [None if number is None else re.sub(r"[^0-9+]", "", number) for number in numbers]
    assert read.to_list() == [n and re.sub(r"^(?:\+|00)440?", "0", n).replace("+", "") for n in digits]
