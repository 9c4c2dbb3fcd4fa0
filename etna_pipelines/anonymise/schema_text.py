"""Personal-looking literals in the schema's SQL (comments, defaults, views ...): they would pass every mask."""

import polars as pl

from etna_pipelines.anonymise import patterns
from etna_pipelines.anonymise.public import Public
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.toc import Entry

_LOOKED_FOR: tuple[patterns.Kind, ...] = ("email", "phone", "national_insurance", "card")


def personal_schema(entries: list[Entry], public: Public) -> list[tuple[str, patterns.Kind]]:
    """Which objects hold what looks like an e-mail, phone, National Insurance or card number."""
    suspicious = {
        candidate: kind
        for candidate in patterns.candidates(pl.Series([entry.sql for entry in entries], dtype=pl.String))
        if (kind := patterns.kind_of(candidate)) in _LOOKED_FOR
        and not (kind == "email" and public.allows_email(patterns.plain(candidate)))
    }
    names = {entry: entry.name for entry in entries}
    for candidate in suspicious:  # an object may be named after a person
        names = {entry: name.replace(candidate, "...") for entry, name in names.items()}
    return [
        (names[entry], kind) for candidate, kind in suspicious.items() for entry in entries if candidate in entry.sql
    ]


def refuse_personal_schema(entries: list[Entry], public: Public) -> None:
    """Raises RulesError that names every such object, never what it holds."""
    found = personal_schema(entries, public)
    if found:
        listed = "; ".join(f"{name} ({kind.replace('_', ' ')})" for name, kind in found)
        raise RulesError(
            f"The schema itself holds what looks personal: {listed}. Change it in production, or name its domain "
            "under `public: domains:` in the rules."
        )
