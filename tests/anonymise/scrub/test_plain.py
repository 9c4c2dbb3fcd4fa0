import html
import json
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values


def read(text: str) -> str:
    plain = Plain.of(Values.of([text]))
    return plain.buffer[: plain.lengths[0]].tobytes().decode()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r"a\u0040b \"x\" \\\"y\\\" \/ \\\\u00e9\n", 'a@b "x" "y" / é\n'),
        (r"\ud83d\udc11 \ud83d alone, \u12 cut, C:\x \N \.", "🐑   alone, \\u12 cut, C:\\x \\N \\."),
        ("a%40b%C3%A9 %E9 100% %zz %C3", "a@bé é 100% %zz Ã"),
        ("&#64;&#x1F411;&commat;&euml; &bogus; &#; &#1114112; AT&T", "@🐑@ë &bogus; &#; &#1114112; AT&T"),
        ("%2540 &amp;#64; %26%2364%3B \\u0025\\u0034\\u0030", "@ @ @ @"),
        ("\\", "\\"),
    ],
)
def test_encodings_are_undone(written: str, plain: str) -> None:
    assert read(written) == plain


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\%&\"/'")))
def test_whatever_is_encoded_is_read(text: str) -> None:
    for written in (
        json.dumps(text)[1:-1],
        json.dumps(json.dumps(text))[3:-3],
        quote(text),
        quote(quote(text)),
        html.escape(text),
    ):
        assert read(written) == text


def test_each_piece_is_known_where_it_stood() -> None:
    texts = ["x %2540 y", None, "", "&amp;#64;", "abcdefgh @", r"\\\u0040"]
    values = Values.of(texts)
    plain = Plain.of(values)
    at = np.flatnonzero(plain.buffer == ord("@"))
    places = plain.places(np.stack([at, at + 1], 1).ravel()).reshape(-1, 2)
    assert [values.buffer[start:end].tobytes() for start, end in places] == [b"%2540", b"&amp;#64;", b"@", rb"\\\u0040"]
    assert plain.lengths.tolist() == [5, 0, 0, 1, 10, 1]
