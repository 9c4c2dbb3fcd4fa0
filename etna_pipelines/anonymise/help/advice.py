"""Advice on whole tables: which had better be empty, and a mask for each column of the others."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from etna_pipelines.anonymise.column_types import base_type, holds_no_text, length_of
from etna_pipelines.anonymise.help.signs import NOTHING, Shown, look
from etna_pipelines.anonymise.help.suggestions import MOST, Suggestion, classify, mask_for
from etna_pipelines.anonymise.plan.plan import is_unique, rule_for
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, ForeignKey, Table

_ACTOR = r"(^|_)(user|actor|author|owner|whodunnit|member|account|customer)(_id)?$|(^|_)ip"
_TIME = r"time|date|(^|_)(at|on|created|updated|expires|timestamp)$|_at$"
_KEY = r"key|token|secret|code|seed|credential|hash"

_DISPOSABLE = [
    (r"session(s|_?data|_?stores?)?$", r"session_(key|data|id)|expir|last_(seen|activity)|user_agent", "sessions"),
    (r"(?<!b)(?<!cata)(?<!dia)log(s|ged|_?entr(y|ies)|_?events?)?$|audit|whodunnit|(^|_)versions$", _TIME, "a log"),
    (r"tokens?$|api_?keys?$|authenticators?$|otp|(two|2)_?f|(totp|static|webauthn)_?device|nonces?$", _KEY, "keys"),
    (r"(confirmation|invitation|verification|(password_?)?reset|recovery_?code)s?$", _KEY, "keys sent to people"),
    (r"search.*(index|entr|document)|index_?entr|pg_search", r".", "a search index, which is built anew"),
    (r"cache|rendition|thumbnail|variant_?records?", r".", "what is made from other data again"),
    (r"form_?states?$|draft_?states?$|autosave|preview$|upload(ed)?_?files?$", r".", "unfinished work"),
    (r"submissions?$|sent_?e?mails?$|outbox|inbox|mail_?queue", r".", "what people sent"),
    (r"(task|workflow)_?states?$|(^|_)(delayed_|good_|queued_)?jobs$|task_?results?$", r".", "work in progress"),
    (r"subscriptions?$|subscribers$", _ACTOR, "who follows what"),
]
"""Tables that no copy needs: a form of their name, one that a column's name must have besides, and what they hold."""


@dataclass(frozen=True)
class Advised:
    """A mask that fits a column, whether that is since it can tell something of a person, and why."""

    mask: str
    sensitive: bool
    why: str

    @property
    def unfit(self) -> bool:
        """Whether it is sensitive and there is no mask that its column takes."""
        return self.sensitive and self.mask == "keep"


@dataclass(frozen=True)
class TableAdvice:
    """What a table may become: `empty` says why it needs no rows, else `columns` say what each becomes, and why."""

    table: Table
    empty: str | None
    columns: dict[str, Advised] = field(default_factory=dict)


Sampler = Callable[[Table], pl.DataFrame]
"""A table's sample: values by column name."""

_Ruled = Callable[[Table, Column], str | None]
"""The mask that rules already give a column; None for one that they leave open."""

_PEOPLE = re.compile(r"user|person$|people$|author|speaker|member|staff|employee|contact|customer|contributor|profile")
_EXPIRES = re.compile(r"expir|valid_(un)?til|(^|_)ttl")


def advise(schema: DatabaseSchema, sampler: Sampler, rules: Rules | None) -> list[TableAdvice]:
    """Advice on every table that has columns without a rule; without any rules, on every table."""
    rules = rules and rules.on(schema)

    def ruled(table: Table, column: Column) -> str | None:
        if rules is None:
            return None
        if rules.data(table.qualified) != "keep":
            return "null"
        rule = rule_for(rules, table, column)
        return str(rule.spec) if rule else None

    open_ = {
        table.qualified: columns
        for table in schema.tables
        if (columns := [column for column in table.copied if ruled(table, column) is None])
    }
    tables = [table for table in schema.tables if table.qualified in open_]
    shown = {table.qualified: _shown(table, sampler) for table in tables}
    disposable = {
        table.qualified: why
        for table in tables
        if len(open_[table.qualified]) == len(table.copied) and (why := _disposable(table, shown[table.qualified]))
    }
    emptied = _that_can_be_empty(disposable, schema, ruled)
    advice = []
    for table in tables:
        name = table.qualified
        wanted = [] if name in emptied else open_[name]
        found = {column.name: _classified(table, column, shown[name][column.name]) for column in wanted}
        advice.append(TableAdvice(table, emptied.get(name), found))
    _agree_on_keys(advice, emptied, schema, ruled)
    return advice


def _shown(table: Table, sampler: Sampler) -> dict[str, Shown]:
    sample = sampler(table)
    return {
        column.name: NOTHING if holds_no_text(column) and base_type(column) != "date" else look(sample[column.name])
        for column in table.copied
    }


def _classified(table: Table, column: Column, shown: Shown) -> Advised:
    found = classify(column, shown)
    is_term = column.name in ("name", "slug") and _lists_terms(table)
    if found.sensitive and is_term and not shown.share("name", "first", "last", "mentions email"):
        found = Suggestion(False, (), "the table lists terms, by name and slug")
    return Advised(mask_for(found, column, is_unique(table, column.name)), found.sensitive, found.why)


def _lists_terms(table: Table) -> bool:
    """Tags, categories, topics: short names with a slug each, and no longer text; people may have slugs too."""
    names = {column.name for column in table.columns}
    bounded = all(holds_no_text(column) or length_of(column) is not None for column in table.columns)
    return {"name", "slug"} <= names and bounded and not _PEOPLE.search(table.name.lower())


def _disposable(table: Table, shown: dict[str, Shown]) -> str | None:
    """Why a copy needs none of the table's rows."""
    names = [column.name.lower() for column in table.columns]
    for form, besides, holds in _DISPOSABLE:
        if re.search(form, table.name.lower()) and any(re.search(besides, name) for name in names):
            return f"its name says that it holds {holds}"
    if any(_EXPIRES.search(name) for name in names):
        for column, values in shown.items():
            if values.share("token") >= MOST:
                return f"{values.says('token')} in {column}, and they expire"
    return None


def _that_can_be_empty(disposable: dict[str, str], schema: DatabaseSchema, ruled: _Ruled) -> dict[str, str]:
    """Without those that rows of other tables have to refer to: their columns could not become null."""
    tables = {table.qualified: table for table in schema.tables}

    def holds(key: ForeignKey) -> bool:
        table = tables[key.table]
        columns = [column for column in table.copied if column.name in key.columns]
        return not any(not column.not_null and ruled(table, column) in (None, "null") for column in columns)

    emptied = dict(disposable)
    while held := {
        key.references
        for key in schema.foreign_keys
        if key.references in emptied and key.table not in emptied and holds(key)
    }:
        emptied = {name: why for name, why in emptied.items() if name not in held}
    return emptied


def _agree_on_keys(advice: list[TableAdvice], emptied: dict[str, str], schema: DatabaseSchema, ruled: _Ruled) -> None:
    """A key becomes what the column becomes that it refers to: null, where that one's table is emptied."""
    advised = {each.table.qualified: each.columns for each in advice}
    columns = {(table.qualified, column.name): (table, column) for table in schema.tables for column in table.copied}
    for key in schema.foreign_keys * 2:  # a key may refer to one that refers on
        for name, referenced in zip(key.columns, key.referenced_columns, strict=True):
            if name not in advised.get(key.table, {}):
                continue
            before, where = advised[key.table][name], f"{key.references}.{referenced}"
            if key.references in emptied:
                if not columns[key.table, name][1].not_null:
                    advised[key.table][name] = Advised(
                        "null", False, f"{key.references}, which it refers to, is emptied"
                    )
                continue
            other = advised[key.references].get(referenced) if key.references in advised else None
            mask = other.mask if other else ruled(*columns[key.references, referenced])
            if mask is not None and mask != before.mask:
                sensitive = other.sensitive if other else before.sensitive
                advised[key.table][name] = Advised(mask, sensitive, f"as {where}, which it refers to")
