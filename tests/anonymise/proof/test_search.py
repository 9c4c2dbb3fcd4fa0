import numpy as np
import pytest

from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.search import _SLICE, PHONE, SEQUENCE, Known, find, known_of
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.values import Values


@pytest.fixture(scope="module")
def known() -> Known:
    identities = Identities(Pseudonyms(bytes(32)), Public())
    originals = Originals()
    originals.add("name", Values.of(["Ann Lee", "Anna Maria van Quill"]), identities)
    originals.add("phone", Values.of(["07911 123456", "+33 1 42 68 53 00"]), identities)
    return known_of(originals)


def found(known: Known, text: str) -> list[tuple[int, str]]:
    raw = np.frombuffer(text.encode(), np.uint8)
    hits, _ = find(raw, known)
    spans = zip(hits.starts.tolist(), hits.ends.tolist(), strict=True)
    return [(kind, raw[a:b].tobytes().decode()) for kind, (a, b) in zip(hits.kinds.tolist(), spans, strict=True)]


def test_hits_say_what_and_where(known: Known) -> None:
    assert sorted(found(known, "by Ann  Lee, tel. 07911-123456\tand ANNA.MARIA_VAN-QUILL")) == [
        (SEQUENCE, "ANNA.MARIA_VAN-QUILL"),
        (SEQUENCE, "Ann  Lee"),
        (PHONE, "07911-123456"),
    ]


@pytest.mark.parametrize("at", [_SLICE - 9, _SLICE - 5, _SLICE - 3, _SLICE, _SLICE + 1])
def test_what_stands_across_two_slices_is_found(known: Known, at: int) -> None:
    assert found(known, "." * at + "Ann Lee" + " x" * _SLICE) == [(SEQUENCE, "Ann Lee")]


def test_there_is_room_for_all_hits_and_marks(known: Known) -> None:
    raw = np.frombuffer(b"Ann Lee@%20\n" * 20_000, np.uint8)
    hits, marks = find(raw, known)
    assert (len(hits.kinds), len(marks)) == (20_000, 40_000)


@pytest.mark.parametrize("text", ["", "A", "1", "\\", "é", "\xff", "123456789", "@", "Ann", "Ann\nLee", "Lee, Ann, x"])
def test_bytes_of_any_length_are_searched(known: Known, text: str) -> None:
    assert found(known, text) == []


@pytest.mark.parametrize("text", ["0033142685300", "+33 (1) 42.68.53.00", "t:+44 (0)7911 123456", "447911123456"])
def test_a_number_is_found_in_any_grouping(known: Known, text: str) -> None:
    assert [kind for kind, _ in found(known, text)] == [PHONE]


@pytest.mark.parametrize(
    "text", ["107911123456", "079111234567", "a07911123456f", "07911\t123456", "2024-07-11 10:20:30.123456+00"]
)
def test_other_numbers_are_none(known: Known, text: str) -> None:
    assert found(known, text) == []


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 24, 25, 40])
def test_words_of_any_length_and_script_are_found_wherever_they_stand(length: int) -> None:
    """Bytes are read eight at a time, words of known people one by one: both mean the same."""
    identities = Identities(Pseudonyms(bytes(32)), Public())
    originals = Originals()
    first = "abcdefgh1"[:8] * 5
    names = [f"{first[:length]} {last}" for last in ("Quill", "Çelik", "Жуков", "陳大文")]
    originals.add("name", Values.of(names), identities)
    known = known_of(originals)
    for name in names:
        for text in (name, f"x {name.upper()} y and so on", f"{name}\\n{'z' * 20}", f"“{name.replace(' ', '—')}”"):
            assert [kind for kind, _ in found(known, text)] == [SEQUENCE], text


def test_a_run_of_foreign_words_may_be_longer_than_a_slice(known: Known) -> None:
    assert len(found(known, "—x" * _SLICE + "—Ann—Lee" + "—ж" * _SLICE)) == 1


def test_marks_are_signs_and_escapes_wherever_they_stand(known: Known) -> None:
    for before in (*range(10), _SLICE - 1, _SLICE):
        raw = np.frombuffer(b"." * before + b"@x%&" + rb"\n\u \x\\ \q" + b"\\", np.uint8)
        assert (find(raw, known)[1] - before).tolist() == [0, 2, 3, 4, 6, 9]
