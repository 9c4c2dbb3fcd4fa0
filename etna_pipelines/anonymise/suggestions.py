"""Suggestions: which mask a column without a rule may want, from its name and type."""

import re

from etna_pipelines.anonymise.column_types import is_textual
from etna_pipelines.snapshots.manifest import Column

_BY_NAME = [
    (r"pass(word|wd|phrase)", "password"),
    (r"e_?mail", "email"),
    (r"phone|mobile|tel(ephone)?$|fax", "phone"),
    (r"(first|given|fore)_?name", "fake(first)"),
    (r"(last|family)_?name|surname", "fake(last)"),
    (r"user_?name|login$|nick", "fake(username)"),
    (r"(^|_)(full_?)?name$|contact|author", "fake(name)"),
    (r"token|secret|key$|hash|session", "hash"),
    (r"company|employer|organi[sz]ation", "fake(company)"),
    (r"street|address", "fake(street)"),
    (r"post_?code|zip", "fake(postcode)"),
    (r"city|town", "fake(city)"),
]


def suggest(column: Column) -> str:
    """A mask to begin with: `keep` only for what can't hold text."""
    if is_textual(column):
        for pattern, mask in _BY_NAME:
            if re.search(pattern, column.name.lower()):
                return mask
        return "scrub"
    if column.type in ("json", "jsonb", "xml") or column.type.endswith("[]"):
        return "scrub"
    return "null" if column.type in ("bytea", "inet", "cidr", "macaddr", "tsvector") and not column.not_null else "keep"
