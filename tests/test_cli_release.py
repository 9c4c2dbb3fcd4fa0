"""`etna release` where it cannot begin: what it does is tested with its steps."""

from tests.commands import Etna


def test_what_is_missing_is_one_sentence(etna: Etna) -> None:
    assert etna("release", "--rehearse", "newest").err == "`newest` is no version: write it as 26.08.21.2215.\n"
    assert "`releases` has no `migrate`" in etna("release", "--rehearse", "26.08.21.2215").err

    ended = etna("release")

    assert (ended.code, ended.out) == (1, "")
    assert "`github`" in ended.err and ended.err.count("\n") == 1
