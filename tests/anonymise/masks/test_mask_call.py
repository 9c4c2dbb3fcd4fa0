import polars as pl
import pytest

from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.anonymise.masks.call import Keyed
from etna_pipelines.errors import RulesError
from tests.anonymise.masks.masking import OTHER_KEY, column_of, masked


def reader(values: pl.Series, keyed: Keyed) -> pl.Series:
    return "Reader " + (keyed.numbers(values) % 90_000 + 10_000).cast(pl.String)


def known(values: pl.Series, keyed: Keyed) -> pl.Series:
    return keyed.fake(values, "first") + " " + keyed.token(values, 4) + " " + keyed.email(values)


def shorter(values: pl.Series, keyed: Keyed) -> pl.Series:
    return values.head(1)


def of_numbers(values: pl.Series, keyed: Keyed) -> pl.Series:
    return values.str.len_chars()


def failing(values: pl.Series, keyed: Keyed) -> pl.Series:
    raise ValueError(f"can't bear {values[0]}")


def use(name: str) -> str:
    return f"call({__name__}.{name})"


def test_a_function_of_ones_own() -> None:
    made = masked(use("reader"), ["Ann", None, "", "Ann", "Bob"])
    assert made[1:3] == [None, ""]
    assert made[0] == made[3] != made[4]
    assert str(made[0]).startswith("Reader ")
    assert made != masked(use("reader"), ["Ann", None, "", "Ann", "Bob"], key=OTHER_KEY)
    assert masked(use("reader"), ["Ann"], "character varying(4)") == ["Read"]


def test_its_fakes_are_those_of_the_other_masks() -> None:
    [first, token, email] = str(masked(use("known"), ["ann@x.org"])[0]).split()
    assert [first] == masked("fake(first)", ["ann@x.org"])
    assert [email] == masked("email", ["ann@x.org"])
    assert len(token) == 4


@pytest.mark.parametrize("name", ["shorter", "of_numbers"])
def test_what_is_no_string_for_each_value_is_refused(name: str) -> None:
    with pytest.raises(RulesError, match="gave something else than 2 strings"):
        masked(use(name), ["Ann", None, "Bob"])


def test_a_failure_is_told_with_its_place_and_without_values() -> None:
    with pytest.raises(RulesError) as refused:
        masked(use("failing"), ["Featherstone"])
    assert "failed with ValueError: correct the function" in str(refused.value)
    assert "test_mask_call.py, line" in str(refused.value)
    assert "Featherstone" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_function_that_is_not_there_is_found_before_any_data_is_read() -> None:
    assert "can't be imported (ModuleNotFoundError)" in str(misfit(parse("call(no.such)"), column_of("text"), False))
    assert "names nothing that can be called" in str(misfit(parse(use("nothing")), column_of("text"), False))
    with pytest.raises(RulesError, match="names no function"):
        parse("call(reader)")
