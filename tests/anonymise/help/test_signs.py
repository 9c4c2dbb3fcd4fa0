"""What values show, as shares: each sign with values that have it and values that only look so."""

import polars as pl
import pytest

from etna_pipelines.anonymise.help.signs import NOTHING, look, signs

SHOWN = {
    "email": ["ann@harbour.org.uk", "A.B+c@x.co"],
    "phone": ["020 7946 0123", "+44 (0)7700 900123", "01632-960-123", "+33 1 99 00 12 34"],
    "postcode": ["TW9 4DU", "m1 1ae"],
    "insurance": ["AB 12 34 56 C", "ab123456c"],
    "card": ["4111 1111 1111 1111", "5500005555555559"],
    "iban": ["GB33BUKB20201555555555", "GB33 BUKB 2020 1555 5555 55"],
    "ip": ["8.8.8.8", "2001:db8::1", "10.0.0.0/8"],
    "password": ["pbkdf2_sha256$1000$salt$hash=", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1"],
    "uuid": ["1f0c9a3e-7e64-41c9-a45f-23722e5fde18"],
    "birthday": ["1961-04-30", "2004-12-01"],
    "token": ["917be319de031bd13e4e7ddd7ba5d089965fbbf1", "eJxVT0FuwzAMa0vOq0fUTpz2NOy"],
    "first": ["Margaret", "gareth"],
    "last": ["Hughes", "smith"],
    "name": ["Margaret Hughes", "Gareth ap Llywelyn-Jones", "David O’Brien"],
    "username": ["jsmith42", "Jane.Doe82"],
    "url": ["https://example.com/a?token=b"],
    "json": ['{"a": 1}', "[]"],
    "html": ["<p>Text</p>", "see <a href='x'>y</a>"],
    "form": ["title=John+Smith&body-0-value=x"],
    "file": ["documents/cv_2.pdf", "scan.jpeg"],
    "mentions email": ["write to ann@harbour.org.uk, please", "to=ann%40harbour.org.uk"],
    "mentions phone": ["ring 01632 960 123 tomorrow", "(+44 7700 900123)"],
    "sentence": ["to whom it may concern"],
    "slug": ["notes-on-margaret-hughes", "/old/a-b-c-d/"],
    "digits": ["42", "-7"],
    "code": ["wagtail.edit", "C4761957"],
}
NOT_SHOWN = {
    "email": ["ann at harbour.org.uk", "see ann@harbour.org.uk"],
    "phone": ["2026-11-23", "0001000200030004", "42", "1234567890", "0.123456789012"],
    "postcode": ["TW9", "A 1"],
    "insurance": ["QQ 12", "AB123456"],
    "card": ["4111 1111 1111 1112", "0001000200030004"],
    "ip": ["1.2.3", "12:30", "v1.2.3.4.5"],
    "token": ["/home/whats-on/hospital-estate", "images/office_179.jpg", "0087_alter_grouppagepermission_unique_to"],
    "name": ["Margaret", "Reading Rooms Closed", "mark the date", "Rose garden opening hours"],
    "birthday": ["2019-01-01", "1914-08-04"],
    "username": ["C4761957", "0001_initial", "venue 12", "office"],
    "form": ["a = b", "https://x.co/?a=b&c=d"],
    "file": ["no. 7", "Dr. Who and co"],
    "sentence": ["two words"],
    "slug": ["one-two", "2026-11"],
}


def test_each_sign_is_shown_by_what_has_it() -> None:
    missed = [(sign, value) for sign, values in SHOWN.items() for value in values if not shares(value)[sign]]
    assert missed == []
    assert set(signs()) - set(SHOWN) == {"words"}


def test_and_by_nothing_that_only_looks_so() -> None:
    assert [(sign, value) for sign, values in NOT_SHOWN.items() for value in values if shares(value)[sign]] == []


def test_shares_are_of_filled_values_and_told_as_counts() -> None:
    shown = look(pl.Series(["ann@x.co", " BEN@X.CO ", "none", "", " ", None]))

    assert (shown.values, shown.distinct) == (3, 3)
    assert shown.share("email") == pytest.approx(2 / 3)
    assert shown.says("email") == "67 % of 3 sampled values are e-mail addresses"
    assert look(pl.Series(["x"] * 999 + ["a@x.co"])).says("email").startswith("under 1 % of 1000 sampled values")


def test_nothing_shows_nothing() -> None:
    assert look(pl.Series([None, "", "  "], dtype=pl.String)) == NOTHING
    assert NOTHING.share("email", "phone") == 0


def shares(value: str) -> dict[str, float]:
    return look(pl.Series([value])).shares
