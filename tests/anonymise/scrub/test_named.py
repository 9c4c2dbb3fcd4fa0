import numpy as np

from etna_pipelines.anonymise.scrub.named import NEAR, Named, pairs
from etna_pipelines.anonymise.values import Values


def column(*values: str | None) -> Named:
    return Named.of(Values.of(values))


def inside(*found: tuple[int, str]) -> Named:
    return Named(np.array([row for row, _ in found], np.int64), Values.of([name for _, name in found]))


def paired(firsts: list[Named], lasts: list[Named]) -> list[str]:
    return [
        f"{one} {two}"
        for ones, twos in pairs(firsts, lasts)
        for one, two in zip(ones.to_list(), twos.to_list(), strict=True)
    ]


def test_every_first_name_goes_with_every_last_name_of_its_row() -> None:
    firsts, lasts = [column("Bobbie", None), column("Jane", "Ann")], [column("Brown", "Lee")]
    assert paired(firsts, lasts) == ["Bobbie Brown", "Jane Brown", "Ann Lee"]


def test_names_in_documents_go_with_those_of_their_row_and_document() -> None:
    firsts, lasts = inside((0, "Al"), (0, "Bo"), (2, "Cy")), inside((0, "Lee"), (1, "Ng"), (2, "Fox"))
    assert paired([firsts], [lasts]) == ["Al Lee", "Bo Lee", "Cy Fox"]
    assert paired([column("X", "Y", "")], [lasts]) == ["X Lee", "Y Ng"]


def test_rows_that_a_rule_does_not_hold_for_pair_with_nobody() -> None:
    some = Named.of(Values.of(["Al", "Bo"]), np.array([False, True]))
    assert paired([some], [column("Lee", "Ng")]) == ["Bo Ng"]


def test_in_a_long_list_of_people_each_goes_with_those_nearby() -> None:
    people = 1000
    firsts, lasts = (inside(*((0, f"{kind}{number}") for number in range(people))) for kind in "fl")
    made = set(paired([firsts], [lasts]))
    assert {f"f{number} l{number}" for number in range(people)} < made
    assert len(made) <= people * (2 * NEAR + 1)
    one = inside((0, "Al"))
    assert len(paired([one], [lasts])) == people
