import numpy as np
import pytest

from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.search import find, known_of
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.values import Values


@pytest.fixture
def identities(pseudonyms: Pseudonyms) -> Identities:
    return Identities(pseudonyms, Public())


def known(identities: Identities, kind: str, *values: str | None) -> Originals:
    originals = Originals()
    originals.add(kind, Values.of(values), identities)
    return originals


def times(originals: Originals, text: str) -> int:
    """How often originals are found in a text."""
    hits, _ = find(np.frombuffer(text.encode(), np.uint8), known_of(originals))
    return len(hits.kinds)


@pytest.mark.parametrize(
    ("kind", "original", "text"),
    [
        ("name", "Ann Lee", "by Ann Lee."),
        ("name", "Ann Lee", "ANN LEE"),
        ("name", "Ann Lee", "/ann-lee/"),
        ("name", "Ann Lee", "ann_lee.pdf"),
        ("name", " Ann  Lee ", "ann.lee@x"),
        ("name", "Siân Llŷr-Ŵyn", "siân llŷr ŵyn"),
        ("name", "Siân Llŷr-Ŵyn", "sian-llyr-wyn"),
        ("name", "Conor O'Brien", "conor o'brien"),
        ("name", "Conor O'Brien", "conor-obrien"),
        ("name", "Anna Maria van der Berg", "anna maria van der"),
        ("last", "Quillfeather", "the Quillfeathers' and Quillfeather, too"),
        ("last", "van Quill", "Van Quill"),
        ("username", "quill77", "@quill77"),
        ("username", "quill.feather", "quill.feather"),
        ("email", "Quill.Feather77@post.example", "quill.feather77 changed this"),
        ("email", "quill77@post.example", "@Quill77"),
        ("secret", "f00dfacecafe4242", "token=f00dfacecafe4242&x"),
        ("secret", "pbkdf2$1000$f00dfacecafe4242", "f00dfacecafe4242"),
        ("secret", "4111 1111 1111 1111", "card 4111-1111-1111-1111"),
        ("secret", "GB29 NWBK 6016 1331 9268 19", "to GB29 NWBK 6016 1331 9268 19."),
        ("secret", "abc-def-ghi-jkl-mno-pqr", "abc-def-ghi-jkl-mno-pqr"),
        ("secret", "QQ123456C", "of qq123456c"),
        ("secret", "1f0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11", "1f0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ],
)
def test_an_original_is_found_as_words_whatever_stands_between(
    identities: Identities, kind: str, original: str, text: str
) -> None:
    assert times(known(identities, kind, original), text) == 1


@pytest.mark.parametrize(
    ("kind", "original", "text"),
    [
        ("name", "Ann Lee", "Joann Lee, Ann Leeds, Lee Ann"),
        ("name", "Ann Lee", "Ann\tLee"),  # two fields
        ("name", "Ann Lee", "Ann\nLee"),
        ("name", "Ann", "Ann"),
        ("last", "Lee", "Lee"),
        ("last", "summer", "summer"),
        ("username", "1234567", "1234567"),
        ("secret", "short", "short"),
        ("secret", "1000", "1000"),
        ("secret", "deadbeef", "deadbeef"),
        ("secret", "2024-01-01", "2024-01-01"),
        ("secret", "https://www.bigcorp.org/a/b", "https://www.bigcorp.org/a/c"),
        ("secret", "Yes, I agree to the terms", "Yes, I agree to nothing"),
        ("secret", "1f0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11", "2f0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("name", None, ""),
        ("name", "", ""),
        ("company", "Quill Ltd", "Quill Ltd"),
    ],
)
def test_what_says_nothing_about_anybody_is_not_found(
    identities: Identities, kind: str, original: str | None, text: str
) -> None:
    assert times(known(identities, kind, original), text) == 0


def test_every_place_counts(identities: Identities) -> None:
    originals = known(identities, "name", "Ann Lee", "Bo Quill")
    assert times(originals, "Ann Lee and Bo Quill\tann-lee\nBo Quill") == 4


def test_what_is_also_a_pseudonym_is_not_looked_for(identities: Identities) -> None:
    originals = known(identities, "name", "Ann Lee", "Bo Quill")
    originals.remember(originals.pseudonyms(Values.of(["Ann Lee"])))
    assert times(originals, "Ann Lee and Bo Quill") == 1


def test_blocks_add_up_and_repeats_count_once(identities: Identities) -> None:
    originals = known(identities, "email", "a@b.co", "A@b.co ", "c@b.co", None, "")
    originals.add("email", Values.of(["a@b.co", "d@b.co"]), identities)
    originals.add("phone", Values.of(["07911 123456", "+447911123456", "123"]), identities)
    assert (len(originals.emails), len(originals.phones), len(originals)) == (3, 1, 4)


def test_nothing_of_an_original_can_be_read_from_the_set(identities: Identities) -> None:
    originals = known(identities, "email", "jane@bigcorp.com")
    assert "jane" not in repr(originals)
    other = known(identities, "email", "jane@bigcorp.com")
    assert list(originals.emails) != list(other.emails)  # another key for each run


def test_what_is_not_looked_for_is_counted(identities: Identities) -> None:
    originals = known(identities, "secret", "short", "1000", "f00dfacecafe4242", "QQ123456C", None, "")
    assert (originals.unsearched, len(originals)) == (2, 2)
