"""How a rule names a mask: `fake(first)`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskSpec:
    """A mask as a rule names it: `fake(first)` is MaskSpec("fake", ("first",))."""

    name: str
    arguments: tuple[str, ...] = ()
    paths: tuple[tuple[str, "MaskSpec"], ...] = ()
    """For JSON: what stands at `$.some.path` becomes what its own mask says; `name` is for everything else in it."""
    locale: str = ""
    """Faker's locale for this column, where it is not the default."""
    unique: bool = False
    """Whether the rule asks for values that stay apart where the mask alone would not keep them so."""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})" if self.arguments else self.name
