import polars as pl
import pytest

from etna_pipelines.anonymise.identities import Identities, ascii_folded, ascii_lower, ordinary_words
from etna_pipelines.anonymise.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.values import Values


@pytest.fixture
def identities(pseudonyms: Pseudonyms) -> Identities:
    return Identities(pseudonyms, Public(words=["Archivist"]))


def fake(pseudonyms: Pseudonyms, name: str, kind: str) -> str:
    return str(pseudonyms.fake(Values.of([name]), kind).to_list()[0])


def test_people_are_looked_for_by_both_names_in_either_order(identities: Identities, pseudonyms: Pseudonyms) -> None:
    identities.add_names(pl.Series(["Jane"]), pl.Series([" Featherstone "]))
    first, last = fake(pseudonyms, "Jane", "first"), fake(pseudonyms, "Featherstone", "last")
    patterns = identities.patterns()
    assert patterns["jane featherstone"] == f"{first} {last}"
    assert patterns["featherstone, jane"] == f"{last}, {first}"
    assert patterns["featherstone"] == last
    assert "jane" not in patterns


@pytest.mark.parametrize(
    "written",
    [
        "siân llŷr-o'dŵyr",
        r"si\u00e2n ll\u0177r-o'd\u0175yr",
        r"si\\u00e2n ll\\u0177r-o'd\\u0175yr",
        r"si\\\\u00e2n ll\\\\u0177r-o'd\\\\u0175yr",
        "si%c3%a2n%20ll%c5%b7r-o%27d%c5%b5yr",
        "si%c3%a2n+ll%c5%b7r-o%27d%c5%b5yr",
        "siân llŷr-o&#x27;dŵyr",
        "si&#226;n ll&#375;r-o&#39;d&#373;yr",
        "sian-llyr-odwyr",
        "sian-llyr-o-dwyr",
        "sian_llyr_odwyr",
        "sian.llyr.odwyr",
    ],
)
def test_a_name_is_looked_for_in_every_dress(identities: Identities, written: str) -> None:
    identities.add_names(pl.Series(["Siân"]), pl.Series(["Llŷr-O'Dŵyr"]))
    assert written in identities.patterns()


@pytest.mark.parametrize(
    "written", ["jane featherstone", "jane%20featherstone", "jane+featherstone", "jane-featherstone"]
)
def test_a_plain_name_too(identities: Identities, written: str) -> None:
    identities.add_full_names(pl.Series(["Jane Featherstone", None, "", " "]))
    assert written in identities.patterns()


def test_a_name_of_several_words_is_a_first_and_a_last_name(identities: Identities, pseudonyms: Pseudonyms) -> None:
    identities.add_full_names(pl.Series(["Ludwig van Featherstone"]))
    last = fake(pseudonyms, "van Featherstone", "last")
    assert identities.patterns()["ludwig van featherstone"].endswith(f" {last}")


def test_pseudonyms_are_those_of_the_columns(identities: Identities, pseudonyms: Pseudonyms) -> None:
    identities.add_full_names(pl.Series(["Jane Featherstone"]))
    identities.add_usernames(pl.Series(["jfeather77"]))
    patterns = identities.patterns()
    assert [patterns["jane featherstone"]] == pseudonyms.full_name(Values.of(["Jane Featherstone"])).to_list()
    assert [patterns["jfeather77"]] == pseudonyms.username(Values.of(["jfeather77"])).to_list()


@pytest.mark.parametrize(
    ("email", "handle"),
    [
        ("Jane.Feather82@post.example", "jane.feather82"),
        (" jfeather7+news@post.example ", "jfeather7"),
        ("jane-feather_xy82@post.example", "jane-feather_xy82"),
        ("siân.llŷr3@post.example", "siân.llŷr3"),
        ("web.team@post.example", None),  # says nothing of a person
        ("2024@post.example", None),
        ("press1@archives.example", None),  # published on purpose
        ("press1@mail.archives.example", None),
        ("press1@other-archives.example", "press1"),
        (None, None),
    ],
)
def test_what_an_address_begins_with_may_be_a_username(
    pseudonyms: Pseudonyms, email: str | None, handle: str | None
) -> None:
    identities = Identities(pseudonyms, Public(domains=["archives.example"]))
    assert identities.handles(pl.Series([email], dtype=pl.String)).to_list() == ([handle] if handle else [])


@pytest.mark.parametrize(
    ("word", "distinctive"),
    [
        ("Featherstone", True),
        ("jfeather77", True),
        ("Lee", False),  # short
        ("1234567", False),
        ("summer", False),  # an ordinary word
        ("Smith", False),  # somebody's pseudonym
        ("archivist", False),  # public here
    ],
)
def test_a_single_word_counts_where_it_points_to_somebody(identities: Identities, word: str, distinctive: bool) -> None:
    assert identities.distinctive(word) is distinctive


def test_nobody_is_nothing_to_look_for(identities: Identities) -> None:
    nothing = pl.Series([None, "", " "], dtype=pl.String)
    identities.add_names(nothing, nothing)
    identities.add_surnames(nothing)
    identities.add_usernames(nothing)
    assert identities.patterns() == {}
    assert len(identities) == 0


def test_folding() -> None:
    assert ascii_folded("Siân Ŵyn") == "Sian Wyn"
    assert ascii_lower("ÂB") == "Âb"
    assert "summer" in ordinary_words()
