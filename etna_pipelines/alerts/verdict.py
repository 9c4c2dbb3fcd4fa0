"""What a look at the snapshots found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Facts = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Verdict:
    """Whether all is well, in one sentence that ends, where it isn't, with what to do next. Never a row's value."""

    passed: bool
    says: str
    facts: Facts = field(default_factory=dict)
