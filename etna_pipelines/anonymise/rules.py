"""The rules: what each column becomes, as people write it in `anonymisation_rules/*.yaml`."""

import hashlib
import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from etna_pipelines.anonymise.masks import MaskSpec, parse
from etna_pipelines.anonymise.public import Public
from etna_pipelines.errors import RulesError
from etna_pipelines.yaml_file import Place, YamlFile


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableRules(_Model):
    """What a table's columns become; `data: empty` keeps the table and none of its rows."""

    data: Literal["keep", "empty"] = "keep"
    keep: list[str] = []
    columns: dict[str, str | None] = {}


class RulesFile(_Model):
    """A rules file: `columns` are patterns of column names for all tables, `tables` win over them."""

    columns: dict[str, str | None] = {}
    tables: dict[str, TableRules] = {}
    public: Public = Public()


@dataclass(frozen=True)
class Rule:
    """A mask and where it was asked for: `wagtail.yaml, line 12`."""

    spec: MaskSpec
    origin: str
    by_pattern: bool = False


@dataclass(frozen=True)
class Rules:
    """Rules read from a file, with the line of each."""

    file: YamlFile
    content: RulesFile
    path: Path

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the rules say: comments and order of keys don't count."""
        said = self.content.model_dump(mode="json")
        said["columns"] = list(said["columns"].items())  # of patterns the first that fits counts
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def public(self) -> Public:
        return self.content.public

    def is_empty(self, table: str) -> bool:
        rules = self.content.tables.get(table)
        return rules is not None and rules.data == "empty"

    def for_column(self, table: str, column: str) -> Rule | None:
        """The rule of a column of `schema.table`: the table's own, else that of the first pattern that fits."""
        rules = self.content.tables.get(table, TableRules())
        if column in rules.columns:
            return self._rule(("tables", self._written(table), "columns", column), rules.columns[column])
        if column in rules.keep:
            place = ("tables", self._written(table), "keep", rules.keep.index(column))
            return Rule(MaskSpec("keep"), self._origin(place))
        for pattern, mask in self.content.columns.items():
            if fnmatchcase(column, pattern):
                return replace(self._rule(("columns", pattern), mask), by_pattern=True)
        return None

    def named(self) -> list[tuple[str, str | None, str]]:
        """Every table, and column of a table, that a rule names, with its place in the file."""
        found: list[tuple[str, str | None, str]] = []
        for table, rules in self.content.tables.items():
            written = self._written(table)
            found.append((table, None, self._origin(("tables", written))))
            found += [(table, c, self._origin(("tables", written, "columns", c))) for c in rules.columns]
            found += [(table, c, self._origin(("tables", written, "keep", i))) for i, c in enumerate(rules.keep)]
        return found

    def _written(self, table: str) -> str:
        short = table.removeprefix("public.")
        return short if ("tables", short) in self.file.lines else table

    def _origin(self, place: Place) -> str:
        return f"{self.path.name}, line {self.file.line(place)}"

    def _rule(self, place: Place, mask: str | None) -> Rule:
        return Rule(parse("null" if mask is None else mask), self._origin(place))


def load(path: Path) -> Rules:
    """Read rules. Raises RulesError with file and line for the first mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise RulesError(
            f"{path} can't be read: name an existing rules file with `rules:` in environments.yaml."
        ) from None
    file = YamlFile.parse(text, str(path), RulesError)
    content = file.validate(RulesFile)
    _check_masks(file, content)
    tables: dict[str, TableRules] = {}
    for name, rules in content.tables.items():
        qualified = name if "." in name else f"public.{name}"
        if qualified in tables:
            raise file.mistake(("tables", name), f"`{qualified}` has rules without its schema too; keep one of them.")
        tables[qualified] = rules
    return Rules(file, content.model_copy(update={"tables": tables}), path)


def _check_masks(file: YamlFile, content: RulesFile) -> None:
    masks: dict[Place, str | None] = {("columns", column): mask for column, mask in content.columns.items()}
    for table, rules in content.tables.items():
        masks |= {("tables", table, "columns", column): mask for column, mask in rules.columns.items()}
        for index, column in enumerate(rules.keep):
            if column in rules.columns or column in rules.keep[:index]:
                raise file.mistake(("tables", table, "keep", index), f"`{column}` has two rules; keep one of them.")
    for place, mask in masks.items():
        try:
            parse("null" if mask is None else mask)
        except RulesError as problem:
            raise file.mistake(place, f"{problem}.") from None
