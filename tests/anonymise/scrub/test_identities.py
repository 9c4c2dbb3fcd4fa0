import polars as pl
import pytest

from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities, ascii_folded, ordinary_words
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values


@pytest.fixture
def identities(pseudonyms: Pseudonyms) -> Identities:
    return Identities(pseudonyms, Public(words=["Archivist"]))


def mentioned(identities: Identities, text: str) -> str:
    """A text with every mention of somebody known replaced."""
    plain = Plain.of(Values.of([text]))
    raw, done, out = plain.buffer[: plain.lengths[0]].tobytes(), 0, b""
    for start, end, instead in sorted(identities.mentions().find(plain, lambda name: name == "Public Name")):
        if start >= done:
            out, done = out + raw[done:start] + instead.encode(), end
    return (out + raw[done:]).decode()


def fake(pseudonyms: Pseudonyms, name: str, kind: str) -> str:
    return str(pseudonyms.fake(Values.of([name]), kind).to_list()[0])


def test_people_are_looked_for_by_both_names_in_either_order(identities: Identities, pseudonyms: Pseudonyms) -> None:
    identities.add_names(pl.Series(["Jane"]), pl.Series([" Featherstone "]))
    first, last = fake(pseudonyms, "Jane", "first"), fake(pseudonyms, "Featherstone", "last")
    text = "Jane  Featherstone; FEATHERSTONE, Jane: featherstone and Jane and jane-\u200bfeather\u00adstone"
    assert mentioned(identities, text) == (
        f"{first}  {last}; {last}, {first}: {last} and Jane and {first}-\u200b{last}"
    )


@pytest.mark.parametrize(
    "written",
    [
        "siân llŷr-o'dŵyr",
        r"si\u00e2n ll\u0177r-o\u0027d\u0175yr",
        r"\\\\u0073i\\\\u00e2n\\\\u00a0ll\\\\u0177r-o'd\\\\u0175yr",
        "si%c3%a2n%20ll%c5%b7r-o%27d%c5%b5yr",
        "si%25c3%25a2n+ll%25c5%25b7r-o%2527d%25c5%25b5yr",
        "si&acirc;n ll&#375;r-o&amp;#39;d&#x175;yr",
        "sia\u0302n lly\u0302r o’dw\u0302yr",
        "sian-llyr-odwyr",
        "sian_llyr_o_dwyr",
        "SIAN.LLYR.ODWYR",
    ],
)
def test_a_name_is_found_in_every_dress(identities: Identities, written: str) -> None:
    identities.add_names(pl.Series(["Siân"]), pl.Series(["Llŷr-O'Dŵyr"]))
    assert identities.mentions().holds(["Siân Llŷr-O'Dŵyr"]) == [True]
    found = set(identities.mentions().find(Plain.of(Values.of([f"({written})"])), lambda name: False))
    assert len(found) == 2


def test_a_name_of_several_words_is_a_first_and_a_last_name(identities: Identities, pseudonyms: Pseudonyms) -> None:
    identities.add_full_names(pl.Series(["Ludwig van Featherstone", None, "", " ", "Public Name"]))
    first, last = fake(pseudonyms, "Ludwig", "first"), fake(pseudonyms, "van Featherstone", "last")
    assert mentioned(identities, "ludwig_van_featherstone, Public Name") == f"{first}_{last}, Public Name"


def test_pseudonyms_are_those_of_the_columns(identities: Identities, pseudonyms: Pseudonyms) -> None:
    identities.add_full_names(pl.Series(["Jane Featherstone"]))
    identities.add_usernames(pl.Series(["jfeather77", "jane.doe82"]))
    name, one, two = (
        pseudonyms.full_name(Values.of(["Jane Featherstone"])).to_list()
        + pseudonyms.username(Values.of(["jfeather77", "jane.doe82"])).to_list()
    )
    assert mentioned(identities, "Jane Featherstone") == name
    assert mentioned(identities, "jfeather77 jane.doe82") == f"{one} {two}"
    assert mentioned(identities, "jane-doe82") == str(two).replace(".", "-")


def test_of_two_who_are_written_alike_each_has_the_own_pseudonym(
    identities: Identities, pseudonyms: Pseudonyms
) -> None:
    identities.add_usernames(pl.Series(["garcía99", "garcia99"]))
    names = pseudonyms.username(Values.of(["garcía99", "garcia99"])).to_list()
    assert mentioned(identities, "garcía99 garcia99") == " ".join(map(str, names))


def test_what_comes_in_many_blocks_is_kept_once(identities: Identities) -> None:
    for _ in range(3):
        identities.add_names(pl.Series(["Jane", "Ann"]), pl.Series(["Featherstone", "Lee"]))
    assert len(identities) == 3


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
    assert identities.are_distinctive(pl.Series([word])).to_list() == [distinctive]


def test_nobody_is_nothing_to_look_for(identities: Identities) -> None:
    nothing = pl.Series([None, "", " "], dtype=pl.String)
    identities.add_names(nothing, nothing)
    identities.add_surnames(nothing)
    identities.add_usernames(nothing)
    assert mentioned(identities, "nobody") == "nobody"
    assert len(identities) == 0


def test_folding() -> None:
    assert ascii_folded("Siân Ŵyn") == "Sian Wyn"
    assert "summer" in ordinary_words()


def test_a_username_of_a_key_has_the_pseudonym_of_its_column(identities: Identities, pseudonyms: Pseudonyms) -> None:
    names = ["Quill.Doe82", "quill.doe82"]
    identities.add_usernames(pl.Series(["quill.doe82"]))
    identities.add_usernames(pl.Series(names), exact=True)
    one, two = pseudonyms.username(Values.of(names), exact=True).to_list()
    assert one != two
    assert mentioned(identities, "Quill.Doe82 and quill.doe82") == f"{one} and {two}"
