"""Foreign keys between what is masked, emptied, thinned out and left out."""

from pathlib import Path

import pytest

from etna_pipelines.anonymise.plan.plan import problems
from tests.anonymise.linting import found
from tests.anonymise.nights import column, refers, schema, table, written_rules

USER = table("person", column("name", not_null=True), primary_key=["name"])

POST = table("post", column("id", "bigint"), "author")

KEY = refers("post", "author", "person", "name")


@pytest.mark.parametrize(
    ("parent", "child", "why"),
    [
        ("hash", "hash", ""),
        ("hash", "null", ""),
        ("hash", "keep", "their masks differ (keep, hash): give both the same"),
        ("keep", "hash", "their masks differ (hash, keep)"),
        ("{mask: fake(username), locale: de_DE}", "fake(username)", "(fake(username), fake(username) de_DE)"),
        ("shuffle", "shuffle", "makes equal values different in two columns"),
        ("{mask: hash, unless: name LIKE 'x%'}", "{mask: hash, unless: author LIKE 'x%'}", ""),
        ("{mask: hash, unless: name LIKE 'x%'}", "{mask: hash, unless: author LIKE 'y%'}", "different conditions"),
        ("{mask: hash, unless: name LIKE 'x%'}", "hash", "different conditions"),
        (
            "{mask: hash, unless: name LIKE 'name'}",
            "{mask: hash, unless: author LIKE 'author'}",
            "different conditions",
        ),
        ("{mask: hash, unless: name = 'name'}", "{mask: hash, unless: (author  =  'name')}", ""),
        ("hash", "{mask: hash, when: id > 1}", "different conditions"),
        ("hash", "{mask: null, when: id > 1}", "their masks differ (null, hash)"),
        ("keep", "{mask: null, when: id > 1}", ""),
    ],
)
def test_both_ends_of_a_foreign_key_stay_the_same(tmp_path: Path, parent: str, child: str, why: str) -> None:
    columns = f'name: "{parent}", author: "{child}"'.replace('"{', "{").replace('}"', "}")
    problem = found(tmp_path, columns, USER, POST, foreign_keys=(KEY,))
    assert why in problem
    assert bool(why) == bool(problem)


def test_the_ends_of_a_foreign_key_need_room_for_the_same_values(tmp_path: Path) -> None:
    short = table("post", column("id", "bigint"), column("author", "character varying(40)"))
    assert "types or lengths: keep both" in found(
        tmp_path, "name: hash, author: hash", USER, short, foreign_keys=(KEY,)
    )


NAMED = "unlisted: keep\ntables:\n  person: {%s}\n  post: {%s}\n"


@pytest.mark.parametrize(
    ("referred", "referring", "why"),
    [
        ("rows: name > 'b'", "", "loses rows (`rows:`) and public.post.author refers to it"),
        ("rows: name > 'b'", "columns: {author: null}", ""),
        ("rows: name > 'b'", "columns: {author: {mask: null, when: id > 1}}", "loses rows"),
        ("rows: name > 'b'", "data: empty", ""),
        ("data: empty", "", "is emptied and public.post.author refers to it"),
        ("data: empty", "columns: {author: null}", ""),
        ("data: skip", "", "is left out and public.post.author refers to it: leave public.post out too"),
        ("data: skip", "columns: {author: null}", "is left out"),
        ("data: skip", "data: empty", "is left out"),
        ("data: skip", "data: skip", ""),
        ("", "rows: id > 1", ""),
    ],
)  # fmt: skip
def test_rows_that_others_refer_to_stay(tmp_path: Path, referred: str, referring: str, why: str) -> None:
    rules = written_rules(tmp_path, NAMED % (referred, referring))
    problem = " ".join(problems(rules, schema(USER, POST, foreign_keys=[KEY])))
    assert why in problem
    assert bool(why) == bool(problem)
