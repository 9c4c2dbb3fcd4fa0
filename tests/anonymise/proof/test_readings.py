import base64
import html
import json
from urllib.parse import quote

import numpy as np
import pytest

from etna_pipelines.anonymise.proof.readings import REACH, readings


def read(text: str, depth: int = 8) -> list[str]:
    """All that can be read in a text, with the text itself."""
    raw = np.frombuffer(text.encode(), np.uint8)
    marks = np.flatnonzero(np.isin(raw, np.frombuffer(b"%&\\", np.uint8)))
    found = [text]
    for reading in readings(raw, marks) if depth else ():
        found += read(reading.raw.tobytes().decode(errors="replace"), depth - 1)
    return found


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("Jane Doe", "Jane Doe"),
        (r"CORP\nina", "CORP nina"),
        (r"Si\u00e2n", "Siân"),
        (r"Si\\\\u00e2n", "Siân"),
        (r"\ud83d\udc11 Jane", "🐑 Jane"),
        (r"\\ud83d\\udc11 Jane", "🐑 Jane"),
        (r"\u005cu00e2", "â"),
        ("Si%C3%A2n%20Doe", "Siân Doe"),
        ("q=Si%C3%A2n+Doe", "Siân+Doe"),
        ("jane%40b.co", "jane@b.co"),
        ("Si&#226;n", "Siân"),
        ("Si&#226n", "Siân"),
        ("Si&#xe2;n", "Siân"),
        ("Si&acirc;n", "Siân"),
        ("Si&amp;acirc;n", "Siân"),
        ("jane&commat;b.co", "jane@b.co"),
        (quote(quote(html.escape("<Siân>"))), "<Siân>"),
        (json.dumps(json.dumps(json.dumps("Siân"))), "Siân"),
        (base64.b64encode("by Siân Doe".encode()).decode(), "by Siân Doe"),
        (base64.b64encode("by Siân Doe!".encode()).decode().rstrip("="), "by Siân Doe!"),
        (base64.urlsafe_b64encode("???>>> Siân Doe".encode()).decode(), "Siân Doe"),
        ("/open/" + base64.b64encode(b"jane@bigcorp.com").decode(), "jane@bigcorp.com"),
        ("file-" + base64.b64encode(b"jane@bigcorp.com").decode(), "jane@bigcorp.com"),
        (r"x\n" + base64.b64encode(b"jane@bigcorp.com").decode(), "jane@bigcorp.com"),
        (base64.encodebytes(b"x" * 50 + b" jane@bigcorp.com").decode().replace("\n", "\\n"), "x jane@bigcorp.com"),
        (base64.b64encode(base64.b64encode(b"jane@bigcorp.com")).decode(), "jane@bigcorp.com"),
        ('{"token":"' + base64.b64encode(b"jane@bigcorp.com").decode() + '"}', "jane@bigcorp.com"),
        (r"\\x" + "by Siân Doe".encode().hex(), "by Siân Doe"),
        (r"\\x00ff" + b"jane@bigcorp.com".hex() + "00", "jane@bigcorp.com"),
        (r"{\"\\\\x" + b"jane@bigcorp.com".hex() + r"\"}", "jane@bigcorp.com"),
        ("id " + b"jane@bigcorp.com".hex(), "jane@bigcorp.com"),
        ("ID " + b"jane@bigcorp.com".hex().upper(), "jane@bigcorp.com"),
    ],
)
def test_some_reading_shows_what_a_text_hides(hidden: str, shown: str) -> None:
    assert any(shown in reading for reading in read(f"other text\tand\n{hidden}\tmore\nand more"))


@pytest.mark.parametrize(
    "text", ["", "plain", "a\tb\nc\td", "50 % of R&D & so on", "d41d8cd98f00b204e9800998ecf8427e", "=" * 40]
)
def test_a_text_that_hides_nothing_is_read_once_as_it_is(text: str) -> None:
    assert read(text) == [text]


def test_no_reading_joins_two_fields() -> None:
    for reading in read("Jane%0a\t%09Doe\nJane\n&#10;Doe\tJane\\u000a\t\\u0009Doe"):
        assert "JaneDoe" not in reading
        assert "Jane Doe" not in reading


@pytest.mark.parametrize(
    "text", [r"\ud83d alone", "%ff%fe", "&#99999999999;", "&nosuch;", r"\u00", "%", "&#", "&#x", "\\", "\\x", "%e2%"]
)
def test_broken_encodings_are_read_somehow(text: str) -> None:
    assert read(text)[0] == text


def test_only_the_surroundings_of_an_encoding_are_read_again_with_their_places() -> None:
    raw = np.frombuffer(b"a" * 9_999 + b" b%20c " + b"d" * 9_999 + b"\te%20f", np.uint8)
    [reading] = readings(raw, np.flatnonzero(raw == ord("%")))
    assert len(reading.raw) < 5 * REACH  # twice as far where it may be in the midst of an address
    assert [reading.origin(position) > 9_000 for position in reading.starts.tolist()] == [True, True]
    assert raw[reading.origin(len(reading.raw) - 1) - 1] == ord("\t")


@pytest.mark.parametrize("before", range(REACH - 24, REACH + 24, 3))
def test_surroundings_do_not_end_in_the_midst_of_an_address(before: int) -> None:
    around = "x " * before
    [_, undone] = read(f"press@office.example.org {around[:before]}&eacute; {around[:before]}press@office.example.org")
    assert undone.count("press@") == undone.count("press@office.example.org")
