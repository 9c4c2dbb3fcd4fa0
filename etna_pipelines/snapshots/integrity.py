"""What was found when published snapshots were read again: a mark beside each, in the store.

A mark is a small object, `<kind>/marks/<id>/verified-<time>.json` or `damaged-<time>.json`. Its name says it all: a
listing is enough to know which snapshots are whole; a damaged one's holds the sentence besides. The latest mark counts:
a snapshot that is repaired is good again once it is verified. Marks are never deleted but with their snapshot.

They are not signed. Whoever can write to the store can delay a push by one and no more: what is pushed is checked
against its manifest in any case.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from etna_pipelines.snapshots.manifest import KINDS, Kind
from etna_pipelines.stores.store import Store

State = Literal["verified", "damaged", "retired"]
Found = Literal["verified", "damaged"]
FOUND: tuple[State, ...] = get_args(Found)
"""The third one is retention's: it says nothing of a snapshot's soundness."""

MARKS = "marks"
"""The folder of a kind that is no snapshot's."""

_KEY = re.compile(r"(?P<kind>\w+)/marks/(?P<id>[^/]+)/(?P<state>\w+)-(?P<when>\d{8}T\d{12}Z)\.json")
_WHEN = "%Y%m%dT%H%M%S%fZ"
END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Mark:
    """What was found of a snapshot, and when."""

    kind: Kind
    id: str
    state: State
    when: datetime

    @property
    def key(self) -> str:
        return f"{marks_of(self.kind, self.id)}{self.state}-{self.when.astimezone(UTC):{_WHEN}}.json"


def marks_of(kind: Kind, id_: str = "") -> str:
    """Where the marks of a snapshot, or of all of a kind, stand: apart, so that one short listing has them all."""
    return f"{kind}/{MARKS}/{id_}/" if id_ else f"{kind}/{MARKS}/"


def verified(store: Store) -> dict[str, datetime]:
    """By id, when the snapshots were verified that were read again since they were published, and are whole."""
    return {id_: mark.when for id_, mark in marks(store).items() if mark.state == "verified"}


def damaged(store: Store, kinds: Iterable[Kind] = KINDS) -> dict[str, datetime]:
    """By id, when snapshots were found damaged."""
    return {id_: mark.when for id_, mark in marks(store, kinds).items() if mark.state == "damaged"}


def marks(store: Store, kinds: Iterable[Kind] = KINDS, *, until: datetime = END) -> dict[str, Mark]:
    """The latest mark of each snapshot that has one, by id; without those that are later than `until`."""
    return latest((item.key for kind in kinds for item in store.list(marks_of(kind))), until=until)


def latest(keys: Iterable[str], states: Collection[State] = FOUND, until: datetime = END) -> dict[str, Mark]:
    """The latest mark, of those states, of each snapshot, among the keys of a store's objects."""
    found: dict[str, Mark] = {}
    for key in keys:
        mark = _mark(key)
        if not mark or mark.state not in states or mark.when > until:
            continue
        if mark.id not in found or mark.when > found[mark.id].when:
            found[mark.id] = mark
    return found


def put_mark(store: Store, kind: Kind, id_: str, state: Found, problem: str = "") -> Mark:
    """Remember what a snapshot was found to be: later than a mark that says otherwise, whatever the clock says."""
    before = latest(item.key for item in store.list(marks_of(kind, id_))).get(id_)
    now = datetime.now(UTC)
    if before and before.state != state:
        now = max(now, before.when + timedelta(microseconds=1))
    mark = Mark(kind, id_, state, now)
    store.put(mark.key, [json.dumps({"problem": problem}).encode()] if problem else [b"{}"])
    return mark


def problem_of(store: Store, mark: Mark) -> str:
    """The sentence of a damaged snapshot's mark."""
    try:
        return str(json.loads(b"".join(store.read(mark.key))).get("problem", ""))
    except (ValueError, AttributeError):
        return ""


def _mark(key: str) -> Mark | None:
    if not (match := _KEY.fullmatch(key)):
        return None
    kind = next((kind for kind in KINDS if kind == match["kind"]), None)
    state = next((state for state in get_args(State) if state == match["state"]), None)
    try:
        when = datetime.strptime(match["when"], _WHEN).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Mark(kind, match["id"], state, when) if kind and state else None
