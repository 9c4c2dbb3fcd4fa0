from collections.abc import Callable

import numpy as np
import pytest

from etna_pipelines.anonymise.kernels import shapes
from etna_pipelines.anonymise.values import Bytes


@pytest.mark.parametrize(
    ("end_of", "text", "rest"),
    [
        (shapes.insurance_end, " 12 34 56 C, sir", ", sir"),
        (shapes.insurance_end, "123456D", ""),
        (shapes.account_end, "GB29 NWBK 6016 1331 9268 19 is", " is"),
        (shapes.postcode_end, "1A 1AA now", " now"),
        (shapes.postcode_end, "19GF", ""),
        (shapes.date_end, "2026-11-23T04:00:03.857+00:00 and", " and"),
        (shapes.date_end, "2026-11-23, 1", ", 1"),
        (shapes.ipv4_end, "81.2.69.142:80", ":80"),
    ],
)
def test_where_a_shape_ends(end_of: Callable[[Bytes, int], int], text: str, rest: str) -> None:
    raw = np.frombuffer(text.encode() + bytes(8), np.uint8)
    assert text[end_of(raw, 0) :] == rest


@pytest.mark.parametrize(
    ("end_of", "text"),
    [
        (shapes.insurance_end, "12 34 56 E"),
        (shapes.insurance_end, "12 34 5"),
        (shapes.account_end, "GB29 NWBK"),
        (shapes.postcode_end, "1A AAA"),
        (shapes.date_end, "2026-11-2"),
        (shapes.date_end, "07911-12-3456"),
        (shapes.ipv4_end, "81.2.69"),
        (shapes.ipv4_end, "81.2.69.142x"),
    ],
)
def test_what_has_no_such_shape(end_of: Callable[[Bytes, int], int], text: str) -> None:
    assert end_of(np.frombuffer(text.encode() + bytes(8), np.uint8), 0) == 0


def test_digits_in_groups() -> None:
    raw = np.frombuffer(b"44 (0)7911.123-456 x" + bytes(8), np.uint8)
    assert shapes.number_end(raw, 0) == (18, 13)
