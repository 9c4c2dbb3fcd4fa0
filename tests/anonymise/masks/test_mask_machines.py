import pytest

from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.anonymise.masks.machines import CODES
from tests.anonymise.masks.masking import column_of, masked


@pytest.mark.parametrize("kind", CODES)
def test_codes_fit_the_length_that_they_ask_for(kind: str) -> None:
    length, mask = CODES[kind].length, parse(f"fake({kind})")
    assert misfit(mask, column_of(f"character varying({length})"), unique=False) is None
    assert f"needs {length} characters" in str(
        misfit(mask, column_of(f"character varying({length - 1})"), unique=False)
    )
    [plain] = masked(f"fake({kind})", ["whatever"])
    assert len(str(plain)) <= length


def test_types_that_are_no_text_take_their_own_codes_alone() -> None:
    assert misfit(parse("fake(mac)"), column_of("macaddr8"), unique=False) is None
    assert "is for text, macaddr, macaddr8" in str(misfit(parse("fake(mac)"), column_of("inet"), unique=False))


def test_networks_have_nothing_behind_their_bits() -> None:
    [network] = masked("fake(ip)", ["10.0.0.0/8"], "cidr")
    assert str(network).endswith(".0.0.0/8")
