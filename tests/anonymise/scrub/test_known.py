import numpy as np
import pytest

from etna_pipelines.anonymise.scrub.known import Known
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values

SEQUENCES = [
    "Jane Featherstone",
    "Featherstone",
    "Siân Llŷr-Ŵyn",
    "jane FEATHERSTONE",
    "Jane Featherstone of Kew",
    "Łódź",
]
KNOWN = Known.of([(Values.of(SEQUENCES), np.arange(len(SEQUENCES)))])


def found(text: str | None, *others: str) -> list[tuple[str, list[int]]]:
    """The pieces that are found in texts, and what each may mean."""
    plain = Plain.of(Values.of([text, *others]))
    hits = KNOWN.find(plain)
    places = zip(hits.starts, hits.ends, hits.entries, KNOWN.ends_of(hits.entries), strict=True)
    return [
        (plain.buffer[start:end].tobytes().decode(), KNOWN.meanings[entry:last].tolist())
        for start, end, entry, last in places
    ]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("jane featherstone", [("jane featherstone", [0, 3]), ("featherstone", [1])]),
        ('"JANE\u00a0 Featherstone"', [("JANE\u00a0 Featherstone", [0, 3]), ("Featherstone", [1])]),
        ("Jane Featherstone of Kew!", [("Jane Featherstone of Kew", [4]), ("Featherstone", [1])]),
        ("Jane Featherstone of York", [("Jane Featherstone", [0, 3]), ("Featherstone", [1])]),
        ("sia\u0302n_llyr.wyn", [("sia\u0302n_llyr.wyn", [2])]),
        ("LODZ", [("LODZ", [5])]),
        ("Jane: Featherstone's", [("Featherstone", [1])]),
        ("Jane             Featherstones", []),
        ("Featherstonehaugh xFeatherstone", []),
        (None, []),
    ],
)
def test_sequences_are_found_whatever_stands_between_their_words(
    text: str | None, pieces: list[tuple[str, list[int]]]
) -> None:
    assert sorted(found(text)) == sorted(pieces)


def test_no_sequence_goes_on_in_another_text() -> None:
    assert found("by Jane", "Featherstone", "") == [("Featherstone", [1])]


def test_many_are_found_that_stand_close_together() -> None:
    assert len(found(" ".join(["Featherstone"] * 5000))) == 5000


def test_what_is_held() -> None:
    assert KNOWN.holds(Values.of(["JANE FEATHERSTONE", "Jane", "", "Kew", "lodz"])).tolist() == [True] + [False] * 3 + [
        True
    ]
    assert len(KNOWN) == len(SEQUENCES)


def test_nothing_is_found_by_a_search_for_nothing() -> None:
    nothing = Known.of([])
    assert len(nothing.find(Plain.of(Values.of(["Jane"]))).starts) == 0
    assert nothing.holds(Values.of(["Jane"])).tolist() == [False]
