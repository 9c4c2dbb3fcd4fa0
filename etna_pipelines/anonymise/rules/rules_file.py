"""What may stand in a rules file, and its JSON Schema for editors."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from typing_extensions import TypeAliasType

from etna_pipelines.anonymise.masks import KINDS
from etna_pipelines.anonymise.public import Public
from etna_pipelines.errors import EtnaError
from etna_pipelines.yaml_file import Place, YamlFile, did_you_mean, dotted, is_near_miss

Data = Literal["keep", "empty", "skip"]
JsonSchema = dict[str, Any]


def _plain_null(value: object) -> object:
    """YAML's null for the word: nobody puts it in quotes."""
    return "null" if value is None else value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _mask_or_mapping(value: object) -> object:
    if isinstance(value, dict):
        return value
    if value is None or isinstance(value, str):
        return {"mask": value}
    raise ValueError("must be a mask, such as `email`, or a mapping, such as `{mask: email, unless: is_staff}`.")


def _mask_schema() -> JsonSchema:
    plain = [name for name, kind in KINDS.items() if kind.arguments[0] == 0]
    called = "|".join(name for name, kind in KINDS.items() if kind.arguments[1] > 0)
    return {
        "description": "A mask, such as `email` or `fake(first)`; README.md beside this file lists them.",
        "anyOf": [{"enum": [*plain, None]}, {"type": "string", "pattern": rf"^\s*({called})\s*\([\s\S]*\)\s*$"}],
    }


def _column_schema(schema: JsonSchema) -> None:
    """A mask alone, or the mapping, whose further keys are paths."""
    mask = schema["additionalProperties"]
    mapping = {**schema, "additionalProperties": False, "patternProperties": {r"^\$": mask}}
    schema.clear()
    schema["anyOf"] = [mask, mapping]


Include = Annotated[
    list[str],
    BeforeValidator(_one_or_more),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Unlisted = Annotated[
    Literal["fail", "null", "keep"],
    BeforeValidator(_plain_null),
    WithJsonSchema({"enum": ["fail", "null", "keep", None]}),
]
Mask = TypeAliasType("Mask", Annotated[str, BeforeValidator(_plain_null), WithJsonSchema(_mask_schema())])


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ColumnRules(_Model):
    """What a column becomes. Keys that begin with `$` are JSON paths, each with a mask of its own."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_column_schema)
    __pydantic_extra__: dict[str, Mask]

    mask: Mask
    when: str | None = None
    """An SQL condition over the row's original columns: where it does not hold, the value stays."""
    unless: str | None = None
    """An SQL condition over the row's original columns: where it holds, the value stays."""
    unique: bool = False
    """Whether two values must stay two, though the mask alone can make them one."""
    locale: str = ""
    """The language of what is made up, such as `de_DE`."""
    checked: bool = False
    """Says that every masked value meets the column's CHECK constraints, where that can't be seen from the rule."""

    @property
    def paths(self) -> dict[str, str]:
        return self.__pydantic_extra__


Column = Annotated[ColumnRules, BeforeValidator(_mask_or_mapping)]


class TableRules(_Model):
    """What becomes of a table."""

    data: Data = "keep"
    """`empty` keeps the table and none of its rows; `skip` leaves the table itself out."""
    rows: str | None = None
    """An SQL condition over a row's original columns: only rows for which it holds stay."""
    keep: list[str] = []
    """Columns that stay as they are."""
    columns: dict[str, Column] = {}
    """What becomes of each other column."""


class RulesFile(_Model):
    """What each column of a database becomes in a stripped snapshot."""

    include: Include = []
    """Rules files to begin with, beside this one: this one wins over them, and the first over the second."""
    unlisted: Unlisted = "fail"
    """What becomes of a column that no rule names."""
    large_objects: Literal["fail", "skip"] = "fail"
    """What becomes of large objects: `skip` leaves them out."""
    columns: dict[str, Column] = {}
    """Patterns of column names, for every table; the first that fits counts, and a table's own rules win."""
    tables: dict[str, TableRules] = {}
    """Rules for tables; a schema other than `public` is named: `archive.letters`."""
    public: Public = Public()
    """What is published on purpose."""


def json_schema() -> JsonSchema:
    """For editors: what may stand in a rules file (JSON Schema, draft 2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RulesFile.model_json_schema()}


def read(file: YamlFile) -> RulesFile:
    """The file's content. Raises RulesError with file and line for the first thing that can't stand where it does."""
    for mistake in _mistaken_places(file):
        raise mistake
    return file.validate(RulesFile)


def _mistaken_places(file: YamlFile) -> Iterator[EtnaError]:
    """What is right by itself and stands on the wrong level: the likeliest way to mask nothing and not know."""
    root = _mapping(file.value)
    for key, value in root.items():
        known = list(RulesFile.model_fields)
        if key not in known and isinstance(value, dict) and not is_near_miss(key, known):
            yield file.mistake((key,), f"`{key}` is not a setting; a table's rules stand under `tables:`.")
    for name, rules in _mapping(root.get("tables")).items():
        for key, value in _mapping(rules).items():
            known = list(TableRules.model_fields)
            if key in known or isinstance(value, list) or is_near_miss(key, known):
                continue
            yield file.mistake(
                ("tables", name, key),
                f"`{key}` is not a setting of `tables.{name}`; a column's mask stands under its `columns:`.",
            )
    for place, rules in _column_mappings(root):
        for key in _mapping(rules):
            if key in TableRules.model_fields:
                yield file.mistake((*place, key), f"{dotted(place)} is a column here; a table stands under `tables:`.")
            if key not in ColumnRules.model_fields and not key.startswith("$"):
                meant = did_you_mean(key, list(ColumnRules.model_fields))
                yield file.mistake((*place, key), f"`{key}` is not a setting of {dotted(place)}; {meant}")


def _column_mappings(root: dict[str, object]) -> Iterator[tuple[Place, object]]:
    for column, rules in _mapping(root.get("columns")).items():
        yield ("columns", column), rules
    for table, table_rules in _mapping(root.get("tables")).items():
        for column, rules in _mapping(_mapping(table_rules).get("columns")).items():
            yield ("tables", table, "columns", column), rules


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
