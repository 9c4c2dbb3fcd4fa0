import base64

import pytest

from etna_pipelines.anonymise.readings import readings


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("Jane Doe", "Jane Doe"),
        (r'{"a": "x\nJane Doe\"y"}', " Jane Doe"),
        (r'{"a": "{\"b\": \"x\\nJane Doe\\ty\"}"}', " Jane Doe y"),
        (r"Si\u00e2n", "Siân"),
        (r"Si\\\\u00e2n", "Siân"),
        (r"\ud83d\udc11 Jane", "🐑 Jane"),
        ("Si%C3%A2n%20Doe", "Siân Doe"),
        ("q=Si%C3%A2n+Doe", "Siân Doe"),
        ("jane%40b.co", "jane@b.co"),
        ("Si&#226;n", "Siân"),
        ("Si&#xe2;n", "Siân"),
        ("Si&acirc;n", "Siân"),
        ("jane&commat;b.co", "jane@b.co"),
        (base64.b64encode("by Siân Doe".encode()).decode(), "by Siân Doe"),
        (base64.b64encode("by Siân Doe!".encode()).decode().rstrip("="), "by Siân Doe!"),
        (base64.urlsafe_b64encode("???>>> Siân Doe".encode()).decode(), "Siân Doe"),
        ("/open/" + base64.b64encode(b"jane@bigcorp.com").decode(), "jane@bigcorp.com"),
        ('{"token":"' + base64.b64encode(b"jane@bigcorp.com").decode() + '"}', "jane@bigcorp.com"),
        (r"\\x" + "by Siân Doe".encode().hex(), "by Siân Doe"),
        (r"{\"\\\\x" + b"jane@bigcorp.com".hex() + r"\"}", "jane@bigcorp.com"),
    ],
)
def test_some_reading_shows_what_a_text_hides(hidden: str, shown: str) -> None:
    assert any(shown in reading for reading in readings(f"other text\tand\n{hidden}\tmore\nand more"))


@pytest.mark.parametrize("text", ["", "plain", "a\tb\nc\td"])
def test_a_text_that_hides_nothing_is_read_once_as_it_is(text: str) -> None:
    assert list(readings(text)) == [text]


def test_no_reading_joins_two_fields() -> None:
    for reading in readings("Jane%0a\t%09Doe\nJane\n&#10;Doe\tJane\\u000a\t\\u0009Doe"):
        assert "JaneDoe" not in reading
        assert "Jane Doe" not in reading


@pytest.mark.parametrize("text", [r"\ud83d alone", "%ff%fe", "&#99999999999;", "&nosuch;", r"\u00", "%", "=" * 40])
def test_broken_encodings_are_read_somehow(text: str) -> None:
    assert list(readings(text))


def test_hashes_are_not_taken_for_base64_of_text() -> None:
    assert list(readings("d41d8cd98f00b204e9800998ecf8427e")) == ["d41d8cd98f00b204e9800998ecf8427e"]
