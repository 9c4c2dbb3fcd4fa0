"""Advice on whole tables, from their names, keys and samples."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from etna_pipelines.anonymise.help.advice import TableAdvice, advise
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.snapshots.manifest import ForeignKey, Table
from tests.anonymise.nights import column, refers, schema, table, written_rules

Samples = dict[str, dict[str, list[str]]]

ID = column("id", "integer", not_null=True)
SESSION = table("web_session", column("session_key"), column("data"), column("expires", "date"))
EVENT_SESSION = table("event_session", ID, column("start", "date"))
BLOG = table("blog", ID, column("text"), column("posted_at", "date"))
LOG = table("page_log_entry", ID, column("label"), column("at", "date"))


def test_what_no_copy_needs_is_emptied() -> None:
    advice = advised([SESSION, LOG, table("django_cache", "k", "v"), table("otp_device", "key")])

    assert {name: table.empty for name, table in advice.items()} == {
        "web_session": "its name says that it holds sessions",
        "page_log_entry": "its name says that it holds a log",
        "django_cache": "its name says that it holds what is made from other data again",
        "otp_device": "its name says that it holds keys",
    }


def test_names_that_only_sound_so_are_not_enough() -> None:
    assert [table.empty for table in advised([EVENT_SESSION, BLOG, table("catalog", ID)]).values()] == [None] * 3


def test_keys_that_expire_are_known_by_their_values() -> None:
    pending = table("pending", column("k"), column("valid_until", "date"))

    [advice] = advised([pending], {"pending": {"k": ["9f86d081884c7d659a2feaa0c55ad015"] * 3}}).values()

    assert advice.empty == "100 % of 3 sampled values look like keys or tokens in k, and they expire"


def test_what_others_have_to_refer_to_stays() -> None:
    entry = table("bookmark", ID, column("session", not_null=True))

    advice = advised([SESSION, entry], keys=[refers("bookmark", "session", "web_session", "session_key")])
    assert advice["web_session"].empty is None
    assert advice["web_session"].columns["session_key"].mask == "hash"

    loose = table("bookmark", ID, column("session"))
    advice = advised([SESSION, loose], keys=[refers("bookmark", "session", "web_session", "session_key")])
    assert advice["web_session"].empty
    assert advice["bookmark"].columns["session"].mask == "null"


def test_both_ends_of_a_key_become_the_same() -> None:
    user = table("account", column("login", not_null=True), primary_key=["login"])
    note = table("note", column("by"))

    advice = advised([user, note], keys=[refers("note", "by", "account", "login")])

    assert advice["note"].columns["by"].mask == advice["account"].columns["login"].mask == "fake(username)"
    assert advice["note"].columns["by"].why == "as public.account.login, which it refers to"


def test_terms_with_a_slug_name_nobody_unless_they_do() -> None:
    named = (column("name", "character varying(90)"), column("slug", "character varying(90)"))
    tags, authors = table("tag", *named), table("author", *named)

    advice = advised([tags, authors])

    assert not any(each.sensitive for each in advice["tag"].columns.values())
    assert all(each.sensitive for each in advice["author"].columns.values())
    venues = advised([table("venue", *named, column("email", "character varying(90)"))])
    assert [each.sensitive for each in venues["venue"].columns.values()] == [False, False, True]
    people = advised([tags], {"tag": {"name": ["Margaret Hughes", "Ann Lee"]}})
    assert people["tag"].columns["name"].mask == "fake(name)"


def test_what_has_a_rule_is_left_alone(tmp_path: Path) -> None:
    rules = written_rules(tmp_path, "tables: {blog: {keep: [id, posted_at]}, web_session: {data: empty}}")

    advice = advised([BLOG, SESSION], rules=rules)

    assert list(advice) == ["blog"]
    assert list(advice["blog"].columns) == ["text"]


def advised(
    tables: Sequence[Table], samples: Samples | None = None, keys: Sequence[ForeignKey] = (), rules: Rules | None = None
) -> dict[str, TableAdvice]:
    def sampler(table: Table) -> pl.DataFrame:
        values = (samples or {}).get(table.name, {})
        rows = max(map(len, values.values()), default=0)
        filled = {each.name: values.get(each.name, [None] * rows) for each in table.copied}
        return pl.DataFrame(filled, schema=dict.fromkeys(filled, pl.String))

    return {each.table.name: each for each in advise(schema(*tables, foreign_keys=keys), sampler, rules)}
