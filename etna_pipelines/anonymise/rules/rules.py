"""The rules: what each column becomes, as people write it in `anonymisation_rules/*.yaml`."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal, cast

from faker.config import AVAILABLE_LOCALES

from etna_pipelines.anonymise.masks import MaskSpec, parse
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.rules.paths import parse_path
from etna_pipelines.anonymise.rules.rules_file import ColumnRules, Data, RulesFile, TableRules, read
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import DatabaseSchema
from etna_pipelines.yaml_file import Place, YamlFile, did_you_mean, dotted


@dataclass(frozen=True)
class Rule:
    """A mask, where it was asked for (`wagtail.yaml, line 12`), and for which rows."""

    spec: MaskSpec
    origin: str
    by_pattern: bool = False
    when: str | None = None
    unless: str | None = None
    checked: bool = False


@dataclass(frozen=True)
class Setting:
    """What a file says of a table or of everything, and where."""

    value: str
    origin: str


@dataclass(frozen=True)
class Layer:
    """One file's rules. Tables are named with their schema, whatever the file says."""

    file: YamlFile
    content: RulesFile
    path: Path

    def origin(self, place: Place) -> str:
        return f"{self.path.name}, line {self.file.line(place)}"

    def at(self, table: str, *rest: str | int) -> Place:
        """The place of what is said of `schema.table`."""
        short = table.removeprefix("public.")
        return ("tables", short if ("tables", short) in self.file.lines else table, *rest)

    def for_column(self, table: str, column: str) -> Rule | None:
        rules = self.content.tables.get(table, TableRules())
        if column in rules.columns:
            return self._rule(self.at(table, "columns", column), rules.columns[column])
        if column in rules.keep:
            return Rule(MaskSpec("keep"), self.origin(self.at(table, "keep", rules.keep.index(column))))
        return None

    def by_pattern(self, column: str) -> Rule | None:
        for pattern, rules in self.content.columns.items():
            if fnmatchcase(column, pattern):
                return replace(self._rule(("columns", pattern), rules), by_pattern=True)
        return None

    def said(self, table: str, setting: Literal["data", "rows"]) -> Setting | None:
        """What the file itself says of a table's data or rows; defaults are nothing said."""
        rules = self.content.tables.get(table)
        if rules is None or setting not in rules.model_fields_set:
            return None
        return Setting(getattr(rules, setting) or "", self.origin(self.at(table, setting)))

    def named(self) -> Iterator[tuple[str, str | None, str]]:
        for table, rules in self.content.tables.items():
            yield table, None, self.origin(self.at(table))
            for column in rules.columns:
                yield table, column, self.origin(self.at(table, "columns", column))
            for index, column in enumerate(rules.keep):
                yield table, column, self.origin(self.at(table, "keep", index))

    def _rule(self, place: Place, rules: ColumnRules) -> Rule:
        return Rule(_spec(rules), self.origin(place), when=rules.when, unless=rules.unless, checked=rules.checked)


@dataclass(frozen=True)
class Rules:
    """Rules read from a file and from those that it includes, nearest first: the nearer wins."""

    layers: Sequence[Layer]
    above: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of a partition: the partitioned tables whose rules are its too, the nearest first."""

    @property
    def path(self) -> Path:
        return self.layers[0].path

    @property
    def files(self) -> list[str]:
        """The names of all files, the including one first."""
        return [layer.path.name for layer in self.layers]

    @property
    def tables(self) -> list[str]:
        """Every table that any of the files names, as `schema.table`."""
        return sorted({table for layer in self.layers for table in layer.content.tables})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the rules say: comments, the order of keys and which file says it don't count."""
        if self.above:
            return Rules(self.layers).digest
        said = {
            "unlisted": self.unlisted.value,
            "large_objects": self.large_objects.value,
            "public": _sorted(self.public.model_dump(mode="json")),
            # of patterns the first that fits counts
            "columns": [[pattern, _said(self._pattern_rule(pattern))] for pattern in self._patterns()],
            "tables": {table: self._said_of(table) for table in self.tables},
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @cached_property
    def public(self) -> Public:
        """What any of the files calls public."""
        merged: dict[str, object] = {}
        for layer in self.layers:
            for name, values in layer.content.public.model_dump().items():
                merged[name] = _joined(merged.get(name), values)
        return Public.model_validate(merged)

    @property
    def unlisted(self) -> Setting:
        """What becomes of columns that no rule names: `fail`, `null` or `keep`."""
        return self._setting("unlisted")

    @property
    def large_objects(self) -> Setting:
        """What becomes of large objects: `fail` or `skip`."""
        return self._setting("large_objects")

    def on(self, schema: DatabaseSchema) -> "Rules":
        """The same rules for one database: those of a partitioned table are those of its partitions too."""
        above = {table.qualified: table.partition_of for table in schema.tables if table.partition_of}
        return replace(self, above=above)

    def data(self, table: str) -> Data:
        """Whether the rows of `schema.table` stay, go, or the table goes too."""
        for name, layer in self._where(table):
            if (said := layer.said(name, "data")) is not None:
                return cast(Data, said.value)
        return "keep"

    def rows(self, table: str) -> Setting | None:
        """The condition for a row of `schema.table` to stay."""
        for name, layer in self._where(table):
            if (said := layer.said(name, "rows")) is not None:
                return said if said.value else None
        return None

    def for_column(self, table: str, column: str) -> Rule | None:
        """The rule of a column of `schema.table`: the table's own, else that of the first pattern that fits."""
        own = (layer.for_column(name, column) for name, layer in self._where(table))
        patterns = (layer.by_pattern(column) for layer in self.layers)
        return next(filter(None, chain(own, patterns)), None)

    def named(self) -> list[tuple[str, str | None, str]]:
        """Every table, and column of a table, that the file itself names, with its place in it.

        What it includes serves other databases too, and may name what this one lacks.
        """
        return list(self.layers[0].named())

    def _where(self, table: str) -> Iterator[tuple[str, Layer]]:
        """Where something may be said of a table: first what counts most. A file goes before all that it includes, also
        where it names the partitioned table and they the partition."""
        for layer in self.layers:
            for name in (table, *self.above.get(table, ())):
                yield name, layer

    def _setting(self, name: Literal["unlisted", "large_objects"]) -> Setting:
        for layer in self.layers:
            if name in layer.content.model_fields_set:
                return Setting(getattr(layer.content, name), layer.origin((name,)))
        return Setting("fail", self.path.name)

    def _patterns(self) -> list[str]:
        return list(dict.fromkeys(pattern for layer in self.layers for pattern in layer.content.columns))

    def _pattern_rule(self, pattern: str) -> ColumnRules:
        return next(layer.content.columns[pattern] for layer in self.layers if pattern in layer.content.columns)

    def _said_of(self, table: str) -> dict[str, object]:
        rows = self.rows(table)
        columns: dict[str, object] = {}
        for layer in self.layers:
            rules = layer.content.tables.get(table, TableRules())
            kept = ColumnRules.model_validate({"mask": "keep"})
            for column, rule in {**rules.columns, **dict.fromkeys(rules.keep, kept)}.items():
                columns.setdefault(column, _said(rule))
        return {"data": self.data(table), "rows": rows and rows.value, "columns": columns}


def load(path: Path) -> Rules:
    """Read rules, with all that they include. Raises RulesError with file and line for the first mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise RulesError(
            f"{path} can't be read: name an existing rules file with `rules:` in environments.yaml."
        ) from None
    layers = list({layer.path.resolve(): layer for layer in _layers(path, text, ())}.values())
    _refuse_ineffective(layers)
    _refuse_inherited_keep(layers)
    return Rules(layers)


def _layers(path: Path, text: str, including: tuple[Path, ...]) -> Iterator[Layer]:
    """The file, then what it includes, depth first."""
    file = YamlFile.parse(text, str(path), RulesError)
    content = read(file)
    _check_masks(file, content)
    tables: dict[str, TableRules] = {}
    for name, rules in content.tables.items():
        qualified = name if "." in name else f"public.{name}"
        if qualified in tables:
            raise file.mistake(("tables", name), f"`{qualified}` has rules without its schema too; keep one of them.")
        tables[qualified] = rules
    yield Layer(file, content.model_copy(update={"tables": tables}), path)
    opened = (*including, path.resolve())
    for index, name in enumerate(content.include):
        place: Place = ("include", index)
        included = path.parent / name
        if included.resolve() in opened:
            raise file.mistake(place, f"`{name}` includes this file already; take one of the two out.")
        try:
            text = included.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError):
            raise file.mistake(place, f"`{name}` can't be read; name a rules file beside this one.") from None
        yield from _layers(included, text, opened)


def _check_masks(file: YamlFile, content: RulesFile) -> None:
    columns: dict[Place, ColumnRules] = {("columns", column): rule for column, rule in content.columns.items()}
    for table, rules in content.tables.items():
        columns |= {("tables", table, "columns", column): rule for column, rule in rules.columns.items()}
        for index, column in enumerate(rules.keep):
            if column in rules.columns or column in rules.keep[:index]:
                raise file.mistake(("tables", table, "keep", index), f"`{column}` has two rules; keep one of them.")
    for place, rule in columns.items():
        for at, mask in [((*place, "mask"), rule.mask), *(((*place, path), mask) for path, mask in rule.paths.items())]:
            try:
                parse(mask)
            except RulesError as problem:
                raise file.mistake(at, f"{problem}.") from None
        for path in rule.paths:
            try:
                parse_path(path)
            except RulesError as problem:
                raise file.mistake((*place, path), f"{problem}.") from None
        if rule.locale and rule.locale not in AVAILABLE_LOCALES:
            meant = did_you_mean(rule.locale, sorted(AVAILABLE_LOCALES))
            raise file.mistake((*place, "locale"), f"Faker has no locale `{rule.locale}`; {meant}")


def _refuse_ineffective(layers: Sequence[Layer]) -> None:
    """Rules for rows that don't stay: one of the two is a mistake. A file may take out what an included one keeps."""
    for position, layer in enumerate(layers):
        for table, rules in layer.content.tables.items():
            nearest = ((each, said) for each, other in enumerate(layers) if (said := other.said(table, "data")))
            where, data = next(nearest, (0, None))
            if data is None or data.value == "keep" or where < position:
                continue
            for setting in ("keep", "columns", "rows"):
                if getattr(rules, setting):
                    place = layer.at(table, setting)
                    raise layer.file.mistake(
                        place,
                        f"{dotted(place)} has no effect, for {data.origin} says `data: {data.value}`; "
                        "take one of the two out, or say `data: keep` here.",
                    )


def _refuse_inherited_keep(layers: Sequence[Layer]) -> None:
    """Keeping whatever nobody thought of is said in the file itself: who reads it alone has to see it."""
    said = next((layer for layer in layers if "unlisted" in layer.content.model_fields_set), layers[0])
    if said is not layers[0] and said.content.unlisted == "keep":
        raise said.file.mistake(
            ("unlisted",),
            "`unlisted: keep` can't be included: take it out here, "
            f"and say in {layers[0].path.name} itself what becomes of unlisted columns.",
        )


def _spec(rules: ColumnRules) -> MaskSpec:
    paths = tuple((path, parse(mask)) for path, mask in rules.paths.items())
    return replace(parse(rules.mask), paths=paths, locale=rules.locale, unique=rules.unique)


def _said(rules: ColumnRules) -> dict[str, object]:
    return {
        "spec": asdict(_spec(rules)),
        "when": rules.when,
        "unless": rules.unless,
        "checked": rules.checked,
    }


def _joined(first: object, second: object) -> object:
    """Two lists as one without repetitions, two mappings as one; else the first that is anything."""
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *(value for value in second if value not in first)]
    if isinstance(first, dict) and isinstance(second, dict):
        return {**second, **first}
    return first or second


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    return sorted(value, key=json.dumps) if isinstance(value, list) else value
