import base64
import html
import json
import re
from urllib.parse import quote, quote_plus, unquote
from xml.etree.ElementTree import fromstring

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.scrub import Scrubber, unpack
from etna_pipelines.anonymise.values import Values
from tests.anonymise.nights import KEY

PUBLIC = Public(domains=["archives.gov.uk"], words=["admin"])
PEOPLE = {"Jane": "Featherstone", "Siân": "Llŷr-Ŵyn", "Conor": "O'Gallchobhair", "Ann": "Lee"}


def known_to(pseudonyms: Pseudonyms) -> Scrubber:
    identities = Identities(pseudonyms, PUBLIC)
    identities.add_names(pl.Series(list(PEOPLE)), pl.Series(list(PEOPLE.values())))
    identities.add_usernames(pl.Series(["jfeather77", "admin"]))
    scrubber = Scrubber(pseudonyms, identities, PUBLIC)
    scrubber.prepare()
    return scrubber


SCRUBBER = known_to(Pseudonyms(KEY))


def scrubbed(text: str) -> str:
    return str(SCRUBBER.scrub(Values.of([text])).to_list()[0])


def name_of(first: str) -> str:
    """The pseudonym of one of the people."""
    return scrubbed(f"{first} {PEOPLE[first]}")


JANE, SIAN, CONOR, ANN = map(name_of, PEOPLE)
EMAIL = scrubbed("jane@bigcorp.com")
FORMS = {
    "as it is": str,
    "json": json.dumps,
    "json in json": lambda text: json.dumps({"a": json.dumps({"b": text})}),
    "json in json in json": lambda text: json.dumps([json.dumps({"a": json.dumps({"b": text})})]),
    "json of utf-8": lambda text: json.dumps({"a": text}, ensure_ascii=False),
    "url": quote,
    "form": quote_plus,
    "html": lambda text: f"<b>{html.escape(text)}</b>",
    "html entities": lambda text: "".join(c if c.isascii() else f"&#{ord(c)};" for c in html.escape(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        "Jane Featherstone",
        "by Siân Llŷr-Ŵyn, today",
        "Conor O'Gallchobhair wrote",
        "write to jane@bigcorp.com now",
        "ask jfeather77 about this",
        "and\nJane Featherstone\tand jane@bigcorp.com",
    ],
)
def test_people_are_rewritten_in_every_form_to_the_same_pseudonyms(form: str, text: str) -> None:
    dress = FORMS[form]
    assert scrubbed(dress(text)) == dress(scrubbed(text))
    assert scrubbed(text) != text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("JANE FEATHERSTONE", JANE.upper()),
        ("jane featherstone", JANE.lower()),
        ("Featherstone, Jane", ", ".join(reversed(JANE.split(" ")))),
        ("Featherstone's", f"{JANE.split(' ')[1]}'s"),
        ("/people/jane-featherstone/", f"/people/{JANE.lower().replace(' ', '-')}/"),
        ("jane_featherstone_cv.pdf", f"{JANE.lower().replace(' ', '_')}_cv.pdf"),
        ("/sian-llyr-wyn/", f"/{SIAN.lower().replace(' ', '-')}/"),
        ("conor-ogallchobhair", CONOR.lower().replace(" ", "-")),
        ("\ufeffAnn Lee", f"\ufeff{ANN}"),
        ("(Ann Lee)", f"({ANN})"),
        ("Ann Lee's", f"{ANN}'s"),
        ("JANE@bigcorp.com", EMAIL),
        ("<jane@bigcorp.com>", f"<{EMAIL}>"),
        ("/users/accounts/profile/jane@bigcorp.com", f"/users/accounts/profile/{EMAIL}"),
        ("jane@bigcorp.com.", f"{EMAIL}."),
        ('{"Jane Featherstone": 1}', f'{{"{JANE}": 1}}'),
        ('{"jane@bigcorp.com": 1}', f'{{"{EMAIL}": 1}}'),
    ],
)
def test_people_keep_their_case_and_what_stands_around_them(before: str, after: str) -> None:
    assert scrubbed(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Joann Leeds",
        "Ann Leery and Hann Lee",
        "Featherstonehaugh",
        "Ann and Lee",
        "admin",
        "info@archives.gov.uk, Press@Media.Archives.GOV.UK",
        "4111 1111 1111 1112 of 10.0.0.1",
        '{"jfeather77": 1}',
        "no\tone\nhere \\N \\. \\",
        "{broken json, 1, [",
    ],
)
def test_what_is_nobody_s_is_left_byte_for_byte(text: str) -> None:
    assert scrubbed(text) == text


@pytest.mark.parametrize(
    ("before", "form"),
    [
        ("call 07911 123456 now", r"call 0[\d]{3,4} [\d ]+ now"),
        ("+44 7911 123456", r"\+44 [1-9][\d ]+"),
        ("tel:+44-7911-123456", r"tel:\+44-\d{4}-\d{6}"),
        ("(07911) 123456", r"\(\d{5}\) \d{6}"),
        ("0044%207911%20123456", r"0044%20\d{4}%20\d{6}"),
        ("AB 12 34 56 C", r"ZZ \d\d \d\d \d\d A"),
        ("AB123456C", r"ZZ\d{6}A"),
        ("4111 1111 1111 1111", r"9999 99\d\d \d{4} \d{4}"),
        ("4111111111111111", r"999999\d{10}"),
        ("http://81.2.69.142:80/", r"http://(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}:80/"),
        ("Call me: 07911123456, thanks", r"Call me: 0\d{10}, thanks"),
        ('{"note": "Call me: 07911123456, thanks"}', r'\{"note": "Call me: 0\d{10}, thanks"\}'),
        ('{"note": "card: 4111111111111111, till 12/27"}', r'\{"note": "card: 999999\d{10}, till 12/27"\}'),
        ("(020) 7946-0018 or 0044 (0)7911.123.456", r"\(0\d\d\) \d{4}-\d{4} or 0044 \(0\)\d{4}\.\d{3}\.\d{3}"),
        ("4111 1111 1111 1111 5 times", r"9999 99\d\d \d{4} \d{4} 5 times"),
        ("NHS 943 476 5919, NHS no. 9434765919", r"NHS 999 \d{3} \d{4}, NHS no. 999\d{7}"),
        ("GB29 NWBK 6016 1331 9268 19 IS OURS", r"ZZ\d\d \d{4} \d{4} \d{4} \d{4} \d\d IS OURS"),
        ("from SW1A 1AA, kew-tw9-4du", r"from [A-Z\d]{2,4} \d[A-Z]{2}, kew-[a-z\d]{2,4}-\d[a-z]{2}"),
        ("2001:470:1f0b::1 at 12:30:45", r"2001:db8::[\da-f]+:[\da-f]+:[\da-f]+:[\da-f]+ at 12:30:45"),
        ("{07911123456,4111111111111111}", r"\{0\d{10},999999\d{10}\}"),  # an array of PostgreSQL's
        ("/people/07911123456/contact-details", r"/people/0\d{10}/contact-details"),
    ],
)
def test_numbers_of_people_keep_their_shape(before: str, form: str) -> None:
    after = scrubbed(before)
    assert re.fullmatch(form, after), after
    assert after != before
    assert "7911" not in after


@pytest.mark.parametrize(
    "number",
    [
        *("12345678901234567890", "1.10", "1e400", "-0.0", "4111111111111111", "-4111111111111111", "447911123456"),
        *("0.01632960492", "12.01632960492", "4111111111111111.5", "1E+01632960492", "20261123020000"),
    ],
)
@pytest.mark.parametrize(
    "document",
    [
        '{{"a": {}, "who": "Jane Featherstone"}}',
        '{{"who":"jane@bigcorp.com","n":[1,{},{}]}}',
        '[{}, "Jane Featherstone"]',
        ' {{"a" : {} }}',
        '{{"a": "{{\\"b\\": {}}}"}}',
    ],
)
def test_json_numbers_keep_every_digit(document: str, number: str) -> None:
    before = document.format(number, number)
    assert scrubbed(before) == before.replace("Jane Featherstone", JANE).replace("jane@bigcorp.com", EMAIL)


PIECES = [
    *("Jane Featherstone", "jane@bigcorp.com", "Siân Llŷr-Ŵyn", "07911 123456", "4111111111111111", '"', "\\", "\n"),
    *("jfeather77", "81.2.69.142", "{}", "[1]", ": ", ", ", "\\u00e9", "%20", "amFuZUBiaWdjb3JwLmNvbQ==", "é", "🐑"),
]
STRINGS = st.one_of(st.text(max_size=8), st.lists(st.sampled_from(PIECES), max_size=5).map("".join))
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([4111111111111111, 447911123456, 5500005555555559]),
)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "jfeather77", "é", 'say "x"', "id", ""]), inner, max_size=4),
        inner.map(json.dumps),  # JSON in a JSON string
    ),
    max_leaves=8,
)


def shape(value: object) -> object:
    """A document without its strings: keys in their order, and numbers."""
    match value:
        case dict():
            return [(key, shape(inner)) for key, inner in value.items()]
        case list():
            return [shape(inner) for inner in value]
        case str():
            return "..."
    return value


@given(DOCUMENTS.filter(lambda document: isinstance(document, dict | list)), st.booleans())
def test_any_json_stays_json_of_the_same_keys_and_numbers(document: object, as_ascii: bool) -> None:
    after = scrubbed(json.dumps(document, ensure_ascii=as_ascii))
    assert shape(json.loads(after)) == shape(document)
    assert not re.search(r"(?<![^\W_])Featherstone(?![^\W_])", after)
    assert "jane@bigcorp" not in after


@given(st.lists(st.one_of(st.none(), STRINGS), max_size=6))
def test_a_text_comes_out_alike_whatever_stands_beside_it(texts: list[str | None]) -> None:
    texts = [text if text is None else text.replace("\0", "") for text in texts]
    together = SCRUBBER.scrub(Values.of(texts)).to_list()
    assert together == [None if text is None else scrubbed(text) for text in texts]


@pytest.mark.parametrize("text", ["Jane Featherstone, jane_featherstone.pdf", "Siân Llŷr-Ŵyn; jfeather77", "(Ann Lee)"])
def test_pseudonyms_of_names_are_left_when_scrubbed_again(text: str) -> None:
    assert scrubbed(scrubbed(text)) == scrubbed(text)


@pytest.mark.parametrize("email", ["jane@bigcorp.com", "jan@bigcorp.com", "janet@bigcorp.com"])
def test_base64_without_padding_stays_without(email: str) -> None:
    packed, clean = (base64.b64encode(text.encode()).decode() for text in (email, scrubbed(email)))
    assert scrubbed(packed) == clean
    if packed.endswith("="):
        assert scrubbed(packed.rstrip("=")) == clean.rstrip("=")


def test_an_unprepared_scrubber_knows_patterns_alone(pseudonyms: Pseudonyms) -> None:
    scrubber = Scrubber(pseudonyms, Identities(pseudonyms, PUBLIC), PUBLIC)
    assert scrubber.scrub(Values.of(["Jane Featherstone", "jane@bigcorp.com"])).to_list() == [
        "Jane Featherstone",
        EMAIL,
    ]


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        ("amFuZUBiaWdjb3JwLmNvbQ==", "jane@bigcorp.com"),
        ("amFuZUBiaWdjb3JwLmNvbQ", "jane@bigcorp.com"),
        ("U2nDom4gxbR5bj8_", "Siân Ŵyn??"),
        ("not-base64-at-all", None),
        ("AAECAwQFBgcICQoLDA0ODw==", None),
    ],
)
def test_base64_of_text_is_unpacked(piece: str, text: str | None) -> None:
    assert unpack(piece) == text


def test_a_stranger_is_rewritten_beside_the_own_address_and_a_block_s_type_is_not() -> None:
    block = {"type": "sparrow", "value": {"title": "Ivo Sparrow's", "email": "ivo.sparrow@bigcorp.com", "n": 7}}
    made = json.loads(scrubbed(json.dumps(block)))
    first, last = scrubbed("Ivo Sparrow, ivo.sparrow@bigcorp.com").split(",")[0].split(" ", 1)
    assert made["type"] == "sparrow"
    assert made["value"]["title"] == f"{first} {last}'s"
    assert made["value"]["n"] == 7
    assert {first, last}.isdisjoint({"Ivo", "Sparrow"})
    assert scrubbed("Ivo Sparrow") == "Ivo Sparrow"


@pytest.mark.parametrize(
    "link", ["https://x.org/r?page=2&{}={}&to=map", 'see "/r?{}={}"', "https%3A//x.org/%3F{}%3D{}"]
)
@pytest.mark.parametrize("key", ["token", "api_key", "Password", "reset_token"])
def test_what_a_link_says_in_secret_is_replaced(link: str, key: str) -> None:
    made = scrubbed(link.format(key, "wren9-tower"))
    assert re.fullmatch(re.escape(link).replace(r"\{\}", "{}").format(key, "[0-9a-f]{16}"), made)
    assert made == scrubbed(link.format(key, "wren9-tower"))
    assert made != scrubbed(link.format(key, "wren9-towers"))


@pytest.mark.parametrize(
    ("before", "form"),
    [
        ('{"api_key": "wren9-tower", "type": "token"}', r'\{"api_key": "[0-9a-f]{16}", "type": "token"\}'),
        (r'"{\"password\": \"wren9-tower\"}"', r'"\{\\"password\\": \\"[0-9a-f]{16}\\"\}"'),
        ('"secret"=>"wren9-tower"', r'"secret"=>"[0-9a-f]{16}"'),
        ("Authorization: Bearer wren9.tower", r"Authorization: Bearer [0-9a-f]{16}"),
        ("curl -H 'Bearer wren9tower'", r"curl -H 'Bearer [0-9a-f]{16}'"),
        ("?password=wren9%26tower&x=1", r"\?password=[0-9a-f]{16}&x=1"),
        ("the key AKIAIOSFODNN7WRENTOW.", r"the key [0-9A-F]{16}\."),
        ("x ghp_wrenwrenwrenwrenwrenTOWERtower9 y", r"x [0-9a-f]{16} y"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN", r"[0-9a-f]{16}"),
        ("a bearer of good news, the password of the day", "a bearer of good news, the password of the day"),
    ],
)
def test_secrets_are_replaced_wherever_they_are_named_or_known_by_their_beginning(before: str, form: str) -> None:
    after = scrubbed(before)
    assert re.fullmatch(form, after), after
    assert "wren" not in after


@pytest.mark.parametrize(
    "written",
    [
        r"\u006a\u0061ne\u0040bigcorp.com",
        r"\\u006aane\\u0040bigcorp\\u002ecom",
        "jane%2540bigcorp.com",
        "jane&amp;#64;bigcorp.com",
        "jane%26%2364%3Bbigcorp.com",
        "&#106;ane&commat;bigcorp.com",
    ],
)
def test_an_address_is_found_under_every_encoding_and_one_inside_another(written: str) -> None:
    plain = html.unescape(html.unescape(unquote(unquote(re.sub(r"\\+u00(..)", r"%\1", scrubbed(written))))))
    assert plain == EMAIL


@pytest.mark.parametrize(
    "text",
    [
        "on 2024-06-30 04:00:03.857583+00, again 01-02-2024 10:30",
        "764cabdc-6f9b-49bf-985c-cc62f36aedfb, path 0001000100010005",
        "the 2nd of WO 95 3rd, in E1 2nd edition; part ZZ1 1AA, code AB12-SE19GF-X",
        "std::string of c0ffee::face",
        "ISBN 9780141036144 and 30 TB of beatae",
    ],
)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert scrubbed(text) == text


def test_texts_without_anything_personal_are_not_copied() -> None:
    texts = Values.of(["nothing here", None, "jane@bigcorp.com", "nor here"])
    clean = SCRUBBER.scrub(texts)
    assert clean.to_list() == ["nothing here", None, EMAIL, "nor here"]
    assert clean.starts[[0, 3]].tolist() == texts.starts[[0, 3]].tolist()
    assert SCRUBBER.scrub(texts.at(np.array([0, 1, 3]))).buffer is texts.buffer


def test_an_apostrophe_in_a_tag_ends_no_attribute() -> None:
    names = [f"Wren{letter}{other}" for letter in "abcdefghijklmnopqrs" for other in "abcdefghijklmnopqrst"]
    identities = Identities(SCRUBBER.pseudonyms, PUBLIC)
    identities.add_names(pl.Series(["Ann"] * len(names)), pl.Series(names))
    scrubber = Scrubber(SCRUBBER.pseudonyms, identities, PUBLIC)
    scrubber.prepare()
    made = scrubber.scrub(Values.of([f"<a title='Ann {name}'>Ann {name}</a>" for name in names])).to_list()
    parsed = [fromstring(str(each)) for each in made]  # noqa: S314
    assert any("'" in str(element.text) for element in parsed)
    assert all(element.get("title") == element.text for element in parsed)


UNCHANGED = [
    *("Jane Featherstone", "jane@bigcorp.com", "AB 12 34 56 C", "4111 1111 1111 1111", "81.2.69.142", "943 476 5919"),
    *("GB29 NWBK 6016 1331 9268 19", "2001:470:1f0b::1", "jfeather77", "\\u00e9", "%20", '"', " ", ", "),
]


@given(st.lists(st.one_of(st.sampled_from(UNCHANGED), st.text(max_size=4)), max_size=6).map(" ".join))
def test_what_is_scrubbed_has_nothing_left_to_scrub(text: str) -> None:
    once = scrubbed(text.replace("\0", ""))
    assert scrubbed(once) == once
