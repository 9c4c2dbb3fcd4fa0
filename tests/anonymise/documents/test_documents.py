"""Whatever a document is like, what is found and replaced is what reading it as JSON says."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.documents.documents import Form, Found, alike, find, spliced
from etna_pipelines.anonymise.rules.paths import NOBODY, Path, compile_paths, parse_path
from etna_pipelines.anonymise.values import Values

Location = tuple[str | int, ...]
Read = object
"""JSON as Python reads it, with numbers as they are written and objects as lists of pairs; texts that hold JSON too."""


@dataclass(frozen=True)
class Members:
    pairs: tuple[tuple[str, Read], ...]


@dataclass(frozen=True)
class Inner:
    """JSON in a text."""

    read: Read


@dataclass(frozen=True)
class Number:
    written: str


def read(text: str) -> Read:
    return _inner(
        json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            object_pairs_hook=lambda pairs: Members(tuple((key, _inner(value)) for key, value in pairs)),
        )
    )


def _inner(value: Read) -> Read:
    if isinstance(value, list):
        return [_inner(each) for each in value]
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return Inner(read(value))
        except ValueError:
            return value
    return value


NAMES = ["a", "b", "name", 'q"\\', "é🐑"]
SPACES = st.sampled_from(["", "", "", " ", "\n\t"])
NUMBERS = st.sampled_from(["0", "-1", "1.10", "1e400", "12345678901234567890", "-0.5E-7"])
TEXTS = st.one_of(st.sampled_from(["", "x", "[", "{no", "\\", '"', "\\u0041", "é\n🐑"]), st.text(max_size=6))


@st.composite
def texts(draw: st.DrawFn) -> str:
    return json.dumps(draw(TEXTS), ensure_ascii=draw(st.booleans()))


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    space = draw(SPACES)
    members = draw(st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=4))
    inside = f",{space}".join(f"{json.dumps(key, ensure_ascii=draw(st.booleans()))}:{space}{v}" for key, v in members)
    return f"{{{space}{inside}{space}}}"


DOCUMENTS = st.recursive(
    st.one_of(NUMBERS, texts(), st.sampled_from(["true", "false", "null"])),
    lambda values: st.one_of(
        objects(values),
        st.lists(values, max_size=4).map(lambda each: f"[{', '.join(each)}]"),
        st.tuples(values, st.booleans()).map(lambda inner: json.dumps(inner[0], ensure_ascii=inner[1])),
    ),
    max_leaves=12,
)
PATHS = [
    *("$.a", "$..b", "$.*.name", "$[0]", "$..[1]", "$.a.b.*", "$..*", "$.*~", "$..name~"),
    *('$["q\\"\\\\"]', "$..é🐑", "$.a[*].name", "$..a..b"),
]


def rewritten(document: Read, paths: list[Path], rest: int, instead: Callable[[int, Read], Read]) -> Read:
    """The document with every value and key that somebody owns replaced, by the definition of paths, in its order."""

    def owner(location: Location, *, of_key: bool = False) -> int:
        for length in [len(location)] if of_key else range(len(location), 0, -1):
            for number, path in enumerate(paths):
                if path.keys == of_key and leads(path, location[:length]):
                    return number
        return NOBODY if of_key else rest

    def member(key: str, value: Read, location: Location) -> tuple[str, Read]:
        named = owner(location, of_key=True)
        return key if named == NOBODY else str(instead(named, key)), walk(value, location)

    def walk(value: Read, location: Location) -> Read:
        match value:
            case Inner():
                return Inner(walk(value.read, location))
            case Members():
                return Members(tuple(member(key, each, (*location, key)) for key, each in value.pairs))
            case list():
                return [walk(each, (*location, index)) for index, each in enumerate(value)]
        return value if owner(location) == NOBODY else instead(owner(location), value)

    return walk(document, ())


def content(value: Read) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return json.dumps(value)
        case Number():
            return value.written
    return str(value).replace("\0", "\ufffd")


def leads(path: Path, location: Location) -> bool:
    reached = {0}
    for step_down in location:
        following = set()
        for taken in reached - {len(path.steps)}:
            step = path.steps[taken]
            if step.deep:
                following.add(taken)
            if step.is_any or step_down in (step.name, step.index):
                following.add(taken + 1)
        reached = following
    return len(path.steps) in reached


def found_in(documents: list[str], paths: list[Path], rest: int = NOBODY, form: Form = "json") -> Found:
    found, are_documents = find(Values.of(documents), compile_paths(paths, [False] * (len(paths) + 1), rest), form)
    assert are_documents.all()
    return found


def in_order(found: Found) -> list[int]:
    return list(np.lexsort((found.table[:, 1], found.documents)))


SOME_DOCUMENTS = st.lists(DOCUMENTS, min_size=1, max_size=3)
SOME_PATHS = st.lists(st.sampled_from(PATHS).map(parse_path), max_size=3)


@given(SOME_DOCUMENTS, SOME_PATHS, st.booleans())
def test_what_is_found_is_what_the_paths_name(documents: list[str], paths: list[Path], is_rest_owned: bool) -> None:
    rest = len(paths) if is_rest_owned else NOBODY
    expected: list[tuple[int, str | None]] = []

    def note(owner: int, value: Read) -> Read:
        expected.append((owner, content(value)))
        return value

    for document in documents:
        rewritten(read(document), paths, rest, note)
    found = found_in(documents, paths, rest)
    contents = found.contents.to_list()
    assert [(int(found.owners[row]), contents[row]) for row in in_order(found)] == expected


@given(SOME_DOCUMENTS, SOME_PATHS, st.booleans())
def test_what_is_written_stands_there_and_all_else_stays(
    documents: list[str], paths: list[Path], is_rest_owned: bool
) -> None:
    rest = len(paths) if is_rest_owned else NOBODY
    found = found_in(documents, paths, rest)
    marks = [f'<{number}>"\\\n\x01é🐑' for number in range(len(found.table))]
    rows = np.array(in_order(found), np.intp)
    written = found.written(Values.of([mark for _, mark in sorted(zip(rows, marks, strict=True))]))
    changed = spliced(found, np.arange(len(rows)), written).to_list()
    following = iter(marks)
    for before, after in zip(documents, changed, strict=True):
        assert read(str(after)) == rewritten(read(before), paths, rest, lambda _owner, _value: next(following))


@given(SOME_DOCUMENTS, SOME_PATHS)
def test_what_is_not_changed_stays_byte_for_byte(documents: list[str], paths: list[Path]) -> None:
    found = found_in(documents, paths, len(paths))
    assert spliced(found, np.arange(0), found.raw.at(np.arange(0))).to_list() == documents
    assert spliced(found, np.arange(len(found.table)), found.raw).to_list() == documents
    rows, others, fits = alike(found, found_in(documents, paths, len(paths)))
    assert (rows == others).all() and fits.all()


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "nothing", "nan", "{", "[", "[}", "{]", "[[[[[[", "[1,]", '{"a":1,}', '{"a"', '{"a":', '{"a" 1}'),
        *("{a:1}", "{1:2}", "[01]", "[1.]", "[+1]", "[1 2]", "[1] 2", "[tru]", "[nul", '["a]', '"[1]'),
        *(r'["\x"]', r'["\u12"]', '["\t"]', '["\\'),
    ],
)
def test_what_is_no_json(text: str) -> None:
    found, are_documents = find(Values.of([text, '["x"]', None]), compile_paths([], [False], 0), "json")
    assert are_documents.tolist() == [False, True, False]
    assert found.contents.to_list() == ["x"]


def test_values_that_share_a_buffer_or_stand_in_any_order() -> None:
    documents = Values.of(['["a"]', '{"b": ["c", "d"]}']).at(np.array([1, 0, 1]))
    found, _ = find(documents, compile_paths([], [False], 0), "json")
    assert found.contents.to_list() == ["c", "d", "a", "c", "d"]
    assert found.documents.tolist() == [0, 0, 1, 2, 2]
    written = found.written(Values.of(["1", "2", "3", "4", "5"]))
    assert spliced(found, np.arange(5), written).to_list() == ['{"b": ["1", "2"]}', '["3"]', '{"b": ["4", "5"]}']


def test_many_levels_and_many_values() -> None:
    deep = "[" * 5000 + '"x"' + "]" * 5000
    wide = json.dumps([str(number) for number in range(1000)])
    inside = '"x"'
    for _ in range(12):
        inside = json.dumps([inside])
    found = found_in([deep, wide, inside], [])
    assert len(found.table) == 0
    found = found_in([deep, wide, inside], [parse_path("$..*")])
    assert sorted(found.contents.to_list()) == sorted(["x", *(str(number) for number in range(1000)), '"x"'])


def test_what_a_text_cant_hold_is_found_as_the_replacement_character() -> None:
    found = found_in([r'["\u0000", "\ud83d", "\ud83dx\ude00", "\ud83d\ude00"]'], [], 0)
    assert found.contents.to_list() == ["\ufffd", "\ufffd", "\ufffdx\ufffd", "😀"]
