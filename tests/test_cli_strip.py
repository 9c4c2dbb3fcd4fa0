"""`etna strip`: what is asked for, and what is said where there is nothing to strip or to take a part of."""

from pathlib import Path

import pytest

from tests.commands import Etna


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "/.etna/store has no full snapshot yet: run the job `nightly` first."),
        (["--subset", "page=5%"], "/.etna/store has no stripped snapshot yet: run the job `nightly` first."),
        (["--subset", "local"], "/.etna/store has no stripped snapshot yet: run the job `nightly` first."),
        (["--subset", "local", "--follow", "both"], "has no stripped snapshot yet"),
        (["--subset", "test"], "`test` is no environment with a `subset:` in environments.yaml: give it one, or say"),
        (["--subset", "production"], "`production` is no environment with a `subset:`"),
        (["--subset", "page=0"], "`page` of the subset must be at least one row"),
    ],
)
def test_what_is_missing_is_one_sentence(fresh: Path, etna: Etna, arguments: list[str], said: str) -> None:
    (fresh / "environments.yaml").write_text("local: {subset: {roots: {page: 10}}}\n")

    ended = etna("strip", *arguments)

    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert said in ended.err


def test_follow_is_one_of_two(etna: Etna) -> None:
    assert etna("strip", "--subset", "page=1", "--follow", "children").code == 2
