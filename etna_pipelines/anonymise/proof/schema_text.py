"""Personal-looking literals in the schema's SQL (comments, defaults, views ...): they would pass every mask."""

import numpy as np

from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub import patterns
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.toc import Entry

_LOOKED_FOR: tuple[patterns.Kind, ...] = ("email", "phone", "national_insurance", "card")


def personal_schema(entries: list[Entry], public: Public) -> list[tuple[str, patterns.Kind]]:
    """Which objects hold what looks like an e-mail, phone, National Insurance or card number."""
    if not entries:
        return []
    plain = Plain.of(Values.of([entry.sql for entry in entries]))
    suspicious = {
        (int(np.searchsorted(plain.starts, start, "right")) - 1, plain.buffer[start:end].tobytes().decode(), kind)
        for start, end, kind in patterns.found(plain.buffer)
        if kind in _LOOKED_FOR
    }
    suspicious = {each for each in suspicious if not (each[2] == "email" and public.allows_email(each[1]))}
    names = {row: entries[row].name for row, _, _ in suspicious}
    for _, piece, _ in suspicious:  # an object may be named after a person
        names = {row: name.replace(piece, "...") for row, name in names.items()}
    return [(names[row], kind) for row, _, kind in sorted(suspicious)]


def refuse_personal_schema(entries: list[Entry], public: Public) -> None:
    """Raises RulesError that names every such object, never what it holds."""
    found = personal_schema(entries, public)
    if found:
        listed = "; ".join(f"{name} ({kind.replace('_', ' ')})" for name, kind in found)
        raise RulesError(
            f"The schema itself holds what looks personal: {listed}. Change it in production, or name its domain "
            "under `public: domains:` in the rules."
        )
