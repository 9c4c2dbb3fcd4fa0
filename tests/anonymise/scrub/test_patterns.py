import pytest

from etna_pipelines.anonymise.scrub import patterns
from etna_pipelines.anonymise.scrub.patterns import is_account, is_health_number, luhn
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values


def found(text: str) -> list[tuple[str, str]]:
    """What is taken for personal in the plain reading of a text, and for what."""
    buffer = Plain.of(Values.of([text])).buffer
    return [(buffer[start:end].tobytes().decode(), kind) for start, end, kind in patterns.found(buffer)]


@pytest.mark.parametrize(
    ("text", "kind", "pieces"),
    [
        ("write to ann.lee+x@mail.co.uk, please", "email", ["ann.lee+x@mail.co.uk"]),
        ("<a@b.co>;<c@d.co>", "email", ["a@b.co", "c@d.co"]),
        ("mailto:ann%40b.co?x", "email", ["ann@b.co"]),
        ("ann&#64;b.co ann&commat;b.co", "email", ["ann@b.co", "ann@b.co"]),
        (r'{"e": "ann\u0040b.co\nx"}', "email", ["ann@b.co"]),
        (r'{"e": "\nann@b.co\\tbob@b.co"}', "email", ["ann@b.co", "bob@b.co"]),
        ("sign'd 'ann@b.co' -bob@b.co ..carl@b.co", "email", ["ann@b.co", "bob@b.co", "carl@b.co"]),
        ("q=to+ann%40b.co", "email", ["to+ann@b.co"]),
        ("o'brien@b.co Siân.Ŵyn@b.co ann@llŷn.cymru", "email", ["o'brien@b.co", "Siân.Ŵyn@b.co", "ann@llŷn.cymru"]),
        ("/users/accounts/profile/ann@b.co", "email", ["ann@b.co"]),
        ("07911 123456 or 07911123456", "phone", ["07911 123456", "07911123456"]),
        ("+44 (0)7911 123 456, 0044 20 7946 0018", "phone", ["+44 (0)7911 123 456", "0044 20 7946 0018"]),
        ("%2B447911123456", "phone", ["+447911123456"]),
        ("tel:01865-270000", "phone", ["01865-270000"]),
        (r"Si\u00e907911123456", "phone", ["07911123456"]),
        ("x%2B07911123456", "phone", ["07911123456"]),
        (r"Si\u00e94111111111111111", "card", ["4111111111111111"]),
        ("/people/07911123456/contact-details", "phone", ["07911123456"]),
        ("AB123456C, ab 12 34 56 d", "national_insurance", ["AB123456C", "ab 12 34 56 d"]),
        ("uploads-passport-of-AB123456C-front", "national_insurance", ["AB123456C"]),
        ("4111 1111 1111 1111 or 5500005555555559", "card", ["4111 1111 1111 1111", "5500005555555559"]),
        ("from 81.2.69.142:443", "ip", ["81.2.69.142"]),
        ("x SmFuZSBGZWF0aGVyc3RvbmU= y", "base64", ["SmFuZSBGZWF0aGVyc3RvbmU="]),
    ],
)
def test_what_is_personal_is_found_as_it_is_written(text: str, kind: str, pieces: list[str]) -> None:
    assert found(text) == [(piece, kind) for piece in pieces]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@ann wrote at 12:30",
        "ann@localhost",
        "2026-11-23 02:00:00",
        "reference 12345678",
        "4111 1111 1111 1112",  # no card: its check digit is wrong
        "0000 0000 0000 0000",
        "10.0.0.1 and 192.168.1.1 and 127.0.0.1 and 999.1.1.1",
        "version 1.2.3",
        "0000123",
        "room AB12 34",
    ],
)
def test_what_is_innocent_is_not(text: str) -> None:
    assert found(text) == []


def test_check_digits() -> None:
    assert luhn("4111111111111111")
    assert not luhn("4111111111111121")
    assert is_health_number("9434765919")
    assert not is_health_number("9434765918")
    assert not is_health_number("9999999999")
    assert is_account("GB29NWBK60161331926819")
    assert not is_account("GB29NWBK60161331926818")
