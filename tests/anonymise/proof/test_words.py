from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels.hash_sets import NOTHING, distinct, index
from etna_pipelines.anonymise.proof.spelling import keyed
from etna_pipelines.anonymise.proof.words import Sequences, handles_of, names_of, secrets_of
from etna_pipelines.anonymise.values import Values

LETTERS = keyed(4711)


def names(*values: str | None) -> Sequences:
    return names_of(Values.of(values), LETTERS, NOTHING)


def test_a_name_is_its_words_whatever_they_are_dressed_in() -> None:
    made = names("Siân Llŷr-Ŵyn", "SIÂN LLŶR ŴYN", "sian.llyr_wyn", "Sia\u0302n Lly\u0302r\u00a0W\u0302yn", None, "")
    assert made.counts.tolist() == [3]


def test_an_apostrophe_may_be_left_out() -> None:
    made = names("Conor O'Brien", "Conor O’Brien")
    assert made.counts.tolist() == [3, 2]
    assert made.hashes[1] == names("conor-obrien").hashes[0]


def test_a_word_alone_counts_where_it_stands_alone_and_says_something() -> None:
    assert len(names("Quillfeather").counts) == 1
    assert len(names("Quillfeather -", "Ann", "1234567", " ", "-").counts) == 0
    assert len(names("Quillfeather -", "Quillfeather").counts) == 1
    some = names("Quillfeather", "Threlfall")
    values = Values.of(["quillfeather", "Threlfall", "van Quill"])
    assert len(handles_of(values, LETTERS, NOTHING).counts) == 3
    assert handles_of(values, LETTERS, index(distinct(some.hashes))).counts.tolist() == [2]


def test_secrets_are_long_words_what_underscores_divide_or_not_looked_for() -> None:
    made = secrets_of(Values.of(["pbkdf2$1000$f00dfacecafe4242", "sk_live_42ab_cd", "short"]), LETTERS)
    assert made.counts.tolist() == [1, 4, 0]


@given(st.lists(st.text("abcdefgh0123456789", min_size=13, max_size=90), min_size=1, max_size=20, unique=True))
def test_words_that_differ_have_hashes_that_differ(words: list[str]) -> None:
    assert len(set(secrets_of(Values.of(words), LETTERS).hashes.tolist())) == len(words)


def test_another_seed_makes_other_hashes() -> None:
    other = names_of(Values.of(["Ann Lee"]), keyed(1), NOTHING)
    assert other.hashes[0] != names("Ann Lee").hashes[0]
