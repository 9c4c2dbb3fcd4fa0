"""Paths into documents: `$.contact.email`, `$.people[*].name`, `$..phone`, `$.by_email.*~`, as rules write them.

They are those of RFC 9535 (JSONPath) without filters, slices and unions: `.name` or `["name"]` is a member, `[2]` an
element, `.*` or `[*]` each of either, and two dots before any of these mean "at any depth". One thing is added: a `~`
at the end names the member's key instead of its value.

All paths of a column are compiled into one automaton, so that a document is gone through once however many there are.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etna_pipelines.errors import RulesError

_STEP = re.compile(
    r"""(?P<deep>\.\.)?(?:
        (?(deep)|\.)(?:(?P<any>\*)|(?P<name>[^\s.\[\]()*~'",:{}]+))
        |\[(?:(?P<every>\*)|(?P<index>\d{1,9})|(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))\]
    )""",
    re.X,
)
_MOST_STATES = 2_000

NOBODY = -1
"""The owner of a value that no path names."""


@dataclass(frozen=True)
class Step:
    """One step down: to a member by its name, to an element by its place, or (with neither) to every one of them."""

    name: str | None = None
    index: int | None = None
    deep: bool = False

    @property
    def is_any(self) -> bool:
        return self.name is None and self.index is None


@dataclass(frozen=True)
class Path:
    """The steps from a document's root; `keys` for the keys that lead there instead of the values."""

    steps: tuple[Step, ...]
    keys: bool = False


def parse_path(text: str) -> Path:
    """`$.people[*].name` -> Path. Raises RulesError (without a place: the caller knows it) for what is no path."""
    rest = text.removesuffix("~")
    if not rest.startswith("$"):
        raise RulesError(f"`{text}` is not a path: one begins with $, such as `$.contact.email`")
    steps = []
    place = 1
    while place < len(rest):
        match = _STEP.match(rest, place)
        if not match:
            raise RulesError(
                f"`{text}` is not a path from `{rest[place:]}` on: write `.name`, `..name`, `.*`, `[*]`, `[0]`, "
                'or `["a name"]`'
            )
        steps.append(_step(match))
        place = match.end()
    if not steps:
        raise RulesError(f"`{text}` names the whole document: what becomes of that, `mask:` says")
    if rest != text and steps[-1].index is not None:
        raise RulesError(f"`{text}` names the key of an element, which has none: end it with `.*~` or `.name~`")
    return Path(tuple(steps), keys=rest != text)


def _step(match: re.Match[str]) -> Step:
    deep = match["deep"] is not None
    if match["index"]:
        return Step(index=int(match["index"]), deep=deep)
    if quoted := match["quoted"]:
        return Step(_unquoted(quoted), deep=deep)
    return Step(match["name"], deep=deep)


def _unquoted(quoted: str) -> str:
    """The name in a quoted step: as in JSON, or the same between single quotes."""
    if quoted[0] == "'":
        quoted = '"' + quoted[1:-1].replace('"', '\\"').replace("\\'", "'") + '"'
    try:
        return str(json.loads(quoted))
    except ValueError:
        raise RulesError(f"`{quoted}` in a path is no name: write it as a JSON string") from None


class Automaton(NamedTuple):
    """The paths of a column as tables for kernels: a state stands for a place in a document.

    A step's symbol is a name's number, the number of names for any other name, then likewise for indices.
    """

    following: npt.NDArray[np.int32]
    """[state, symbol] -> the state one step down."""
    owners: npt.NDArray[np.int32]
    """Whose a value at the state is: the number of a path, of the rest, or NOBODY."""
    key_owners: npt.NDArray[np.int32]
    """Likewise whose the key is that led here."""
    whole: npt.NDArray[np.bool_]
    """Whether its owner takes an object or array as one value."""
    is_open: npt.NDArray[np.bool_]
    """Whether values below it may be anybody's."""
    reads_names: npt.NDArray[np.bool_]
    """Whether it makes a difference how a member is called."""
    slots: npt.NDArray[np.int32]
    """A hash table of the names' numbers, NOBODY where it is empty; its size is a power of 2."""
    names: npt.NDArray[np.uint8]
    name_starts: npt.NDArray[np.int64]
    name_lengths: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]


_Places = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class _State:
    """`places` are (path, steps taken) of the paths that may still end below; the owners are those of Automaton."""

    places: _Places
    owner: int = NOBODY
    key_owner: int = NOBODY


def compile_paths(paths: Sequence[Path], whole: Sequence[bool], rest: int = NOBODY) -> Automaton:
    """One automaton for all the paths.

    `whole[path]`: whether the path's mask takes an object or array as one value, else it means every value in it.
    `rest` owns what no path names. The path that ends deepest owns a value; of several that name it, the first.
    Raises RulesError where the paths branch too much.
    """
    names = sorted({step.name for path in paths for step in path.steps if step.name is not None})
    indices = sorted({step.index for path in paths for step in path.steps if step.index is not None})
    symbols: list[str | int | None] = [*names, None, *indices, None]
    start = _State(frozenset((path, 0) for path in range(len(paths))), rest)
    numbers = {start: 0}
    following: list[list[int]] = []
    for state in _growing(numbers):
        row = []
        for number, symbol in enumerate(symbols):
            is_element = number > len(names)
            row.append(numbers.setdefault(_next(paths, state, symbol, is_element), len(numbers)))
        following.append(row)
        if len(numbers) > _MOST_STATES:
            raise RulesError("The paths of one column branch too much: use fewer with `..`")
    owns_whole = [state.owner != NOBODY and whole[state.owner] and not state.places for state in numbers]
    slots, buffer, starts, lengths = _hashed(names)
    table = np.array(following, np.int32)
    return Automaton(
        table,
        np.array([state.owner for state in numbers], np.int32),
        np.array([state.key_owner for state in numbers], np.int32),
        np.array(owns_whole),
        np.array(
            [bool(state.places) or (state.owner != NOBODY and not whole[state.owner]) for state in numbers], np.bool_
        ),
        (table[:, : len(names) + 1] != table[:, :1]).any(axis=1),
        slots,
        buffer,
        starts,
        lengths,
        np.array(indices, np.int64),
    )


def _growing(numbers: dict[_State, int]) -> Iterator[_State]:
    """Every state, those too that are added meanwhile."""
    done = 0
    while done < len(numbers):
        for state in list(numbers)[done:]:
            done += 1
            yield state


def _next(paths: Sequence[Path], state: _State, symbol: str | int | None, is_element: bool) -> _State:
    """Where a step to a member of that name (or an element at that place; None for any other) leads."""
    places: set[tuple[int, int]] = set()
    ended: list[int] = []
    key_ended: list[int] = []
    for path, taken in state.places:
        step = paths[path].steps[taken]
        if step.deep:
            places.add((path, taken))
        if not (step.is_any or (symbol is not None and symbol == (step.index if is_element else step.name))):
            continue
        if taken + 1 < len(paths[path].steps):
            places.add((path, taken + 1))
        elif not paths[path].keys:
            ended.append(path)
        elif not is_element:
            key_ended.append(path)
    return _State(frozenset(places), min(ended, default=state.owner), min(key_ended, default=NOBODY))


def _hashed(
    names: Sequence[str],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    encoded = [name.encode("utf-8", "replace") for name in names]
    size = 1 << (2 * len(names)).bit_length()
    slots = np.full(size, NOBODY, np.int32)
    for number, name in enumerate(encoded):
        slot = fnv(name) & (size - 1)
        while slots[slot] != NOBODY:
            slot = (slot + 1) & (size - 1)
        slots[slot] = number
    lengths = np.array([len(name) for name in encoded], np.int64)
    return slots, np.frombuffer(b"".join(encoded), np.uint8), np.cumsum(lengths) - lengths, lengths


FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193


def fnv(name: bytes) -> int:
    """FNV-1a of 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): of names from rules, so it need not be keyed."""
    value = FNV_OFFSET
    for byte in name:
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return value
