import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels.siphash import hashes_of
from etna_pipelines.anonymise.values import Values

KEY = bytes(range(16))
REFERENCE = [
    # of the messages 00 01 02 ... in every length, as the authors' reference implementation has them (vectors.h)
    0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A, 0x85676696D7FB7E2D, 0xCF2794E0277187B7,
    0x18765564CD99A68D, 0xCBC9466E58FEE3CE, 0xAB0200F58B01D137, 0x93F5F5799A932462,
]  # fmt: skip


def test_the_reference_vectors() -> None:
    lengths = np.arange(16)
    hashes = hashes_of(Values(np.arange(16, dtype=np.uint8), np.zeros(16, np.int64), lengths), KEY)
    assert hashes[:9].tolist() == REFERENCE
    assert hashes[15] == 0xA129CA6149BE45E5  # appendix A of the paper


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(st.lists(st.one_of(st.none(), TEXT), min_size=1))
def test_a_hash_depends_on_key_and_value_alone(strings: list[str | None]) -> None:
    alone = [hashes_of(Values.of([string]), KEY)[0] for string in strings]
    assert hashes_of(Values.of(strings), KEY).tolist() == alone
    assert [hash_ == 0 for hash_ in alone] == [string is None for string in strings]
    others = hashes_of(Values.of(strings), bytes(16))
    assert not set(others[others != 0].tolist()) & set(alone)


@given(TEXT)
def test_folding_forgets_case_and_outer_spaces(text: str) -> None:
    [folded] = hashes_of(Values.of([text]), KEY, folded=True)
    plain = Values.of(Values.of([text]).series().str.strip_chars().str.to_lowercase())
    assert hashes_of(plain, KEY).tolist() == [folded]


@pytest.mark.parametrize("same", [" Ann@X.co\n", "ANN@X.CO", "\tann@x.co", "\u00a0ann@x.co"])
def test_equal_without_regard_to_case(same: str) -> None:
    assert hashes_of(Values.of([same]), KEY, folded=True) == hashes_of(Values.of(["ann@x.co"]), KEY)
    assert hashes_of(Values.of([same]), KEY) != hashes_of(Values.of(["ann@x.co"]), KEY)


def test_every_character_of_ascii_is_folded_as_unicode_has_it() -> None:
    characters = [f"x{chr(code)}y" for code in range(1, 128)]
    lower = [character.lower() for character in characters]
    assert hashes_of(Values.of(characters), KEY, folded=True).tolist() == hashes_of(Values.of(lower), KEY).tolist()
