"""YAML written by people: read with the line of every key, validated, and refused in one sentence that says where."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from etna_pipelines.errors import EtnaError

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

MOST_VALUES = 200_000
"""As many values a file may hold, each alias counted as what it stands for: some lines of aliases can mean billions."""

_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_WANTED = {
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping (`name: value`)",
    "model_type": "a mapping (`name: value`)",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
}


@dataclass(frozen=True)
class YamlFile:
    """A YAML file's values, and the line each of them stands on."""

    name: str
    value: object
    lines: dict[Place, int]
    error: type[EtnaError]

    @classmethod
    def parse(cls, text: str, name: str, error: type[EtnaError]) -> "YamlFile":
        """Read YAML. Raises `error` where it is malformed, says a key twice or refers to itself."""
        try:
            loader = yaml.SafeLoader(text)
            reader = _Reader(loader, name, error)
            root = loader.get_single_node()
            value = None if root is None else reader.read(root, ())
        except yaml.constructor.ConstructorError as problem:
            mark = problem.problem_mark
            raise error(_malformed(name, mark.line + 1 if mark else 1, "a tag such as `!this`")) from None
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            raise error(_malformed(name, mark.line + 1 if mark else 1, problem.problem or "")) from None
        except RecursionError:
            raise error(f"{name}: this is nested too deeply to be read; write it flatter.") from None
        except yaml.YAMLError:
            raise error(_malformed(name, 1, "a character that YAML does not allow, such as a NUL")) from None
        return cls(name, value, reader.lines, error)

    def validate(self, model: type[Model]) -> Model:
        """The values as `model`. Raises `error` for the topmost mistake in the file."""
        try:
            return model.model_validate({} if self.value is None else self.value)
        except ValidationError as problem:
            # include_input=False: a value in the wrong place may be a secret.
            mistakes = problem.errors(include_url=False, include_input=False)
            first = min(mistakes, key=lambda mistake: self.line(mistake["loc"]))
            if first["type"] != "missing":  # `store: x` is read as `store: {url: x}`: name what stands in the file
                first["loc"] = self._written(first["loc"])
            raise self.mistake(first["loc"], _sentence(first, model, self.value)) from None

    def line(self, place: Place) -> int:
        """The line of a place, or of the closest one around it."""
        return self.lines.get(self._written(place), 1)

    def mistake(self, place: Place, sentence: str) -> EtnaError:
        """The error to raise for a mistake at `place`."""
        return self.error(f"{self.name}, line {self.line(place)}: {sentence}")

    def _written(self, place: Place) -> Place:
        while place and place not in self.lines:
            place = place[:-1]
        return place


class _Reader:
    """Turns YAML nodes into plain values; keys are always texts, whatever YAML makes of `on` or `1`."""

    def __init__(self, loader: yaml.SafeLoader, name: str, error: type[EtnaError]) -> None:
        self.lines: dict[Place, int] = {}
        self._loader = loader
        self._name = name
        self._error = error
        self._open: list[yaml.Node] = []
        self._values = 0

    def read(self, node: yaml.Node, place: Place) -> object:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if any(outer is node for outer in self._open):
            raise self._error(f"{self._name}, line {line}: an alias refers to what it stands in; write the value out.")
        self._values += 1
        if self._values > MOST_VALUES:
            raise self._error(f"{self._name}, line {line}: this makes over {MOST_VALUES:,} values; use fewer aliases.")
        self._open.append(node)
        value = self._value(node, place, line)
        self._open.pop()
        return value

    def _value(self, node: yaml.Node, place: Place, line: int) -> object:
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            raise self._error(_malformed(self._name, line, "a tag such as `!this`"))
        if isinstance(node, yaml.MappingNode):
            return {key: self.read(child, (*place, key)) for key, child in self._items(node, place)}
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*place, index)) for index, child in enumerate(node.value)]
        try:
            value: object = self._loader.construct_object(node)
        except ValueError:  # what looks like a date or a number and is none
            raise self._error(_malformed(self._name, line, "a value that must stand in quotes")) from None
        return value

    def _items(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        seen: dict[str, int] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(_malformed(self._name, line, "a key that is not a text"))
            if key.value in seen:
                raise self._error(
                    f"{self._name}, line {line}: {dotted((*place, key.value))} is said twice, first in line "
                    f"{seen[key.value]}; keep one of them."
                )
            seen[key.value] = self.lines[(*place, key.value)] = line
            yield key.value, child


def dotted(place: Place) -> str:
    """A place as people write it: `development.hosts`."""
    return f"`{'.'.join(str(part) for part in place)}`"


def did_you_mean(word: str, known: list[str]) -> str:
    """The end of a sentence about an unknown word: the closest known one, or all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"use one of {', '.join(f'`{name}`' for name in known)}."


def is_near_miss(word: str, known: list[str]) -> bool:
    """Whether an unknown word is most likely one of the known, misspelt."""
    return bool(difflib.get_close_matches(word, known, n=1))


def _malformed(name: str, line: int, problem: str) -> str:
    # The parser quotes what it stumbled on, and that may be a secret unless it is a mark of YAML's own.
    what = (
        re.sub(r"'(?:.|<[a-z ]+>)'|'[^']*'", lambda quoted: _own_mark(quoted[0]), problem)
        or "it ends or is indented unexpectedly"
    )
    return (
        f"{name}, line {line}: this is not YAML ({what}); check the indentation, colons and quotes here and just above."
    )


def _own_mark(quoted: str) -> str:
    return quoted if len(quoted) == 3 or quoted.startswith("'<") else "something"


def _sentence(mistake: ErrorDetails, model: type[BaseModel], value: object) -> str:
    place, kind = mistake["loc"], mistake["type"]
    if kind == "extra_forbidden":
        around = f" of {dotted(place[:-1])}" if place[:-1] else ""
        return (
            f"`{place[-1]}` is not a setting{around}; {did_you_mean(str(place[-1]), _known(model, place[:-1], value))}"
        )
    if kind == "missing":
        return f"{dotted(place[:-1]) if place[:-1] else 'the file'} has no `{place[-1]}`; add it."
    if kind == "value_error":
        return f"{dotted(place)} {mistake['ctx']['error']}"
    if kind == "literal_error":
        return f"{dotted(place)} must be {mistake['ctx']['expected'].replace(chr(39), '`')}."
    wanted = _WANTED.get(kind)
    if wanted is None:
        return f"{dotted(place)} is wrong: {mistake['msg'][:1].lower()}{mistake['msg'][1:]}."
    return f"{dotted(place)} must be {wanted}." if place else f"the file must be {wanted}."


def _known(model: type[BaseModel], place: Place, value: object) -> list[str]:
    """The keys that may stand at `place` of a file that holds `value`."""
    for part in place:  # the index of a list or the key of a mapping leads to what its container holds
        value = _inside(value, part)
        field = _fields(model).get(part) if isinstance(part, str) else None
        if field:
            model = _model_of(field.annotation, value) or model
    return list(_fields(model))


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields, by their names in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _inside(value: object, part: str | int) -> object:
    if isinstance(value, list) and isinstance(part, int):
        return value[part]
    return value.get(part) if isinstance(value, dict) else None


def _model_of(annotation: object, value: object) -> type[BaseModel] | None:
    """The model that `value` is meant to be: of several, the one whose first key it has."""
    models = list(_models(annotation))
    meant = [model for model in models if isinstance(value, dict) and next(iter(_fields(model))) in value]
    return next(iter([*meant, *models]), None)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
