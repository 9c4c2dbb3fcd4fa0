import re

import pytest

from etna_pipelines.errors import ValueMalformed
from tests.anonymise.masks.masking import masked


def test_tokens_have_the_form_of_their_column() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", str(masked("token", ["Ann"])[0]))
    assert re.fullmatch(r"\\x[0-9a-f]{32}", str(masked("token", ["\\x00"], "bytea")[0]))
    assert len(str(masked("token", ["Ann"], "character varying(9)")[0])) == 9
    [uuid] = masked("token", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "uuid")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", str(uuid))


@pytest.mark.parametrize("mask", ["token", "hash"])
def test_no_bytes_stay_none(mask: str) -> None:
    made = masked(mask, ["\\x", "\\x00", None], "bytea")
    assert (made[0], made[2]) == ("\\x", None)
    assert made[1] not in ("\\x", "\\x00")


def test_equal_ids_become_equal_in_integers_of_every_size() -> None:
    values = ["1", "-1", "12345", "32767"]
    assert (
        masked("token", values, "smallint") == masked("token", values, "bigint") == masked("token", values, "integer")
    )


def test_what_is_no_integer_is_malformed() -> None:
    with pytest.raises(ValueMalformed) as malformed:
        masked("token", ["1", None, "", "x"], "integer")
    assert (malformed.value.position, malformed.value.what) == (3, "is not an integer")
