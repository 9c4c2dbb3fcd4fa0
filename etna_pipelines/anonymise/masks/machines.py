"""fake(ip), fake(uuid), fake(card) ...: kinds of fakes that follow a form instead of coming from a pool."""

from collections.abc import Callable
from dataclasses import dataclass

from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.masks.kind import Mask, Uniqueness, on_filled
from etna_pipelines.anonymise.pseudonyms import codes
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column


@dataclass(frozen=True)
class Code:
    """A kind of fake with a form of its own."""

    make: Callable[[Pseudonyms, Values], Values]
    length: int
    """Characters that a column needs for it."""
    types: tuple[str, ...] = ()
    """Types that take it, besides text."""
    uniqueness: Uniqueness = "preserved"


CODES = {
    "ip": Code(codes.ip_addresses, 15, ("inet", "cidr"), "lossy"),
    "mac": Code(codes.mac_addresses, 17, ("macaddr", "macaddr8"), "likely"),
    "uuid": Code(codes.uuids, 36, ("uuid",)),
    "url": Code(codes.urls, 36),
    "domain": Code(codes.domains, 28),
    "card": Code(codes.cards, 16, uniqueness="likely"),
    "iban": Code(codes.ibans, 22, uniqueness="likely"),
}
TYPES = {type_ for code in CODES.values() for type_ in code.types}


def build(kind: str, column: Column, pseudonyms: Pseudonyms) -> Mask:
    """The mask that makes codes of a kind."""
    make = codes.networks if base_type(column) == "cidr" else CODES[kind].make
    return on_filled(lambda values: make(pseudonyms, values), length_of(column))


def misfit(kind: str, column: Column) -> str | None:
    """Why a column takes no codes of a kind."""
    code, length = CODES[kind], length_of(column)
    if not is_textual(column) and base_type(column) not in code.types:
        takers = ", ".join(("text", *code.types))
        return f"`fake({kind})` is for {takers} and the column is {base_type(column)}: use null, set(...) or keep"
    if length is not None and length < code.length:
        return f"`fake({kind})` needs {code.length} characters and the column has {length}: use null, set(...) or keep"
    return None
