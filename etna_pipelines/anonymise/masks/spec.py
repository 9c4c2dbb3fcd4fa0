"""How a rule names a mask: `fake(first)`, `pick("Smith, Jane", Lee)`."""

import re
from dataclasses import dataclass

from etna_pipelines.errors import RulesError

_QUOTED = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)')\s*(?=[,)]|$)""", re.S)
_WANTS_QUOTES = re.compile(r"""^\s|\s$|^["']|[,()]|^$""")
_HOLDS_VALUES = re.compile(r"\b(?:password|map|set|pick|replace)\b")
_DEEPEST = 50  # brackets in a mask: far more than any mask has, and far fewer than Python's stack bears


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
        """As rules write it: `parse` reads it back."""
        if not self.arguments:
            return self.name
        written = self.arguments if self.name == "set" else map(_written, self.arguments)
        return f"{self.name}({', '.join(written)})"

    @property
    def shown(self) -> str:
        """The mask with its paths, for people: `scrub, $.contact.email: email`. Arguments that may be values, such as a
        password, have no place there: `set(...)`."""
        hidden = self.arguments and _HOLDS_VALUES.search(
            f"{self.name} {self.arguments[0] if self.name == 'each' else ''}"
        )
        return ", ".join(
            [f"{self.name}(...)" if hidden else str(self), *(f"{path}: {part.shown}" for path, part in self.paths)]
        )

    @property
    def keeps(self) -> bool:
        """Whether it leaves every value as it is."""
        return self.name == "keep" and not self.paths


def split_arguments(inside: str) -> tuple[str, ...]:
    """What stands between a mask's brackets, at its commas.

    An argument that holds commas or brackets stands in quotes (a quote inside is doubled), unless the brackets are
    those of a mask of its own: `each(fake(first))`. Raises RulesError (without a place) for brackets and quotes that
    don't match.
    """
    if inside.count("(") > _DEEPEST:
        raise RulesError(f"`{inside[:40]}...` has too many brackets: put what is text in quotes")
    arguments, start = [], 0
    while True:
        end = _end_of_argument(inside, start)
        arguments.append(_unquoted(inside[start:end]))
        if end == len(inside):
            return tuple(arguments)
        if inside[end] == ")":
            raise RulesError(f"`{inside}` closes a bracket that is not open: put an argument with brackets in quotes")
        start = end + 1


def _end_of_argument(text: str, start: int) -> int:
    """The position of the comma or closing bracket after the argument that begins at `start`, or the text's end."""
    if quoted := _QUOTED.match(text, start):
        return quoted.end()
    if text[start:].lstrip()[:1] in ("'", '"'):
        raise RulesError(f"`{text[start:].strip()}` opens a quote that is not closed: double a quote inside quotes")
    position = start
    while position < len(text) and text[position] not in ",)":
        position = _closing_bracket(text, position + 1) + 1 if text[position] == "(" else position + 1
    return position


def _closing_bracket(text: str, start: int) -> int:
    while (end := _end_of_argument(text, start)) < len(text):
        if text[end] == ")":
            return end
        start = end + 1
    raise RulesError(f"`{text}` opens a bracket that is not closed: put an argument with brackets in quotes")


def _unquoted(argument: str) -> str:
    quoted = _QUOTED.fullmatch(argument)
    if quoted is None:
        return argument.strip()
    double, single = quoted.groups()
    return single.replace("''", "'") if double is None else double.replace('""', '"')


def _written(argument: str) -> str:
    is_mask = re.fullmatch(r"[a-z_]+\([^'\"]*\)", argument)
    return argument if is_mask or not _WANTS_QUOTES.search(argument) else '"' + argument.replace('"', '""') + '"'
