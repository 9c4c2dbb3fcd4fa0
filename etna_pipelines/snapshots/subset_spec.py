"""Which part of a snapshot a subset is: so many rows of some tables, and whether what refers to them comes along."""

import hashlib
import math
import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from etna_pipelines.errors import SubsetError

Follow = Literal["parents", "both"]

_ROOT = re.compile(r"(?P<table>[^=]+?)\s*=\s*(?P<amount>\S+)")
_AMOUNT = re.compile(r"\d+|\d+(\.\d+)?%")


def _checked_amount(amount: object) -> str:
    text = str(amount)
    if isinstance(amount, bool) or not _AMOUNT.fullmatch(text):
        raise ValueError("must be a number of rows such as `100`, or a share such as `5%`.")
    if text.endswith("%") and not 0 < Decimal(text[:-1]) <= 100:
        raise ValueError("must be a share of more than 0% and at most 100%.")
    if text.isdigit() and not int(text):
        raise ValueError("must be at least one row; leave it out, and only rows that others need stay.")
    return text


Amount = Annotated[str, BeforeValidator(_checked_amount)]


class Subset(BaseModel):
    """What to keep, as environments.yaml says it under `subset:`. Equal ones of one snapshot are the same subset."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    roots: dict[str, Amount] = Field(min_length=1)
    """Rows to choose of a table (`100`) or their share (`5%`), by the table's name; `public` where it has no schema."""
    follow: Follow = "parents"
    """`parents` keeps what kept rows refer to; `both` also what refers to the chosen ones, and to that, and so on."""
    children: int = Field(default=10, ge=1)
    """With `both`: the most rows that come along for one row by one foreign key."""
    rest: Literal["keep", "empty"] = "keep"
    """What becomes of large tables that have nothing to do with a root."""
    lookup: int = Field(default=1000, ge=0)
    """A table that refers to no root stays whole up to so many rows: content types, permissions, migrations."""
    small: int = Field(default=20, ge=0)
    """Any table stays whole up to so many rows, with all that it refers to: sites, settings, permissions on pages."""

    @field_validator("roots")
    @classmethod
    def _in_one_order(cls, roots: dict[str, str]) -> dict[str, str]:
        qualified = sorted((_qualified(name), amount) for name, amount in roots.items())
        for (name, _), (next_name, _) in pairwise(qualified):
            if name == next_name:
                raise ValueError(f"says `{name}` twice; keep one of them.")
        return dict(qualified)

    @classmethod
    def parse(cls, text: str, follow: Follow = "parents") -> "Subset":
        """Read `auth_user=100, blog_page=5%`. Raises SubsetError."""
        roots: dict[str, str] = {}
        for part in text.split(","):
            root = _ROOT.fullmatch(part.strip())
            if root is None:
                raise SubsetError(f"`{part.strip()}` is no part of a subset: write `auth_user=100, blog_page=5%`.")
            if (table := _qualified(root["table"])) in roots:
                raise SubsetError(f"The subset says `{table}` twice; keep one of them.")
            try:
                roots[table] = _checked_amount(root["amount"])
            except ValueError as problem:
                raise SubsetError(f"`{root['table']}` of the subset {problem}") from None
        return cls(roots=roots, follow=follow)

    def digest(self, parent: str) -> str:
        """Stands for this subset of the snapshot `parent`: 8 hexadecimal digits."""
        return hashlib.sha256(f"{parent} {self.model_dump_json()}".encode()).hexdigest()[:8]

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ", ".join(f"{table.removeprefix('public.')}={amount}" for table, amount in self.roots.items())


def chosen(amount: str, rows: int) -> int:
    """How many of a table's rows an amount is; a share of some rows is at least one."""
    if amount.endswith("%"):
        return math.ceil(rows * Decimal(amount[:-1]) / 100)
    return min(int(amount), rows)


def _qualified(table: str) -> str:
    return table if "." in table else f"public.{table}"
