import pytest

from etna_pipelines.anonymise.scrub.neighbours import REACH, names_beside, owners_of


def beside(text: str, address: str) -> list[tuple[str, str]]:
    """The pieces of a text that name the owner of the address in it, as they stand there, first or last."""
    haystack = text.encode()
    start = haystack.index(address.encode())
    owners = owners_of([address], lambda names: [False] * len(names))
    if address not in owners:
        return []
    found = names_beside(haystack, start, start + len(address.encode()), owners[address], b"\0")
    return sorted((haystack[name.start : name.end].decode(), name.kind) for name in found)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Drafted by Zoe Marsh (zoe.marsh@b.co)", ["Marsh", "Zoe"]),
        ("zoe.marsh@b.co, that is ZOE MARSH", ["MARSH", "ZOE"]),
        ("Drafted by Zoë Marsh (zoe.marsh@b.co)", ["Marsh", "Zoë"]),
        ("Zoe and Marshall, zoe.marsh@b.co", ["Zoe"]),
        ("nobody beside zoe.marsh@b.co", []),
    ],
)
def test_the_owner_of_an_address_is_found_beside_it(text: str, names: list[str]) -> None:
    assert [name for name, _ in beside(text, "zoe.marsh@b.co")] == names


def test_first_and_last_names_are_told_apart() -> None:
    assert beside("Zoe Marsh zoe.marsh@b.co", "zoe.marsh@b.co") == [("Marsh", "last"), ("Zoe", "first")]


def test_a_lone_word_may_begin_with_an_initial() -> None:
    assert ("Marshall", "last") in beside("Zoe Marshall zmarshall@b.co", "zmarshall@b.co")


def test_a_text_beside_is_another_s() -> None:
    assert beside("Zoe Marsh\0zoe.marsh@b.co\0Zoe Marsh", "zoe.marsh@b.co") == []


def test_far_away_is_not_beside() -> None:
    assert beside("Zoe Marsh" + " " * REACH + "zoe.marsh@b.co", "zoe.marsh@b.co") == []


@pytest.mark.parametrize("address", ["info@b.co", "press.office@b.co", "12345@b.co", "ab@b.co", "the.record@b.co"])
def test_an_office_is_nobody(address: str) -> None:
    assert owners_of([address], lambda names: [False] * len(names)) == {}
