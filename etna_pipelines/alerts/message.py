"""What one channel is told at one time."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from etna_pipelines.alerts.memory import Known
from etna_pipelines.alerts.trouble import moment

State = Literal["new", "still", "over", "test"]


@dataclass(frozen=True)
class Event:
    """One trouble that began, goes on, or is over."""

    key: str
    state: State
    title: str
    text: str
    since: str
    """ISO 8601, UTC."""
    link: str = ""


@dataclass(frozen=True)
class Message:
    """All that is new, in one piece; `key` is the same for every try to send it."""

    key: str
    title: str
    events: Sequence[Event]

    @property
    def text(self) -> str:
        """What is said below the title, a paragraph for each event."""
        return "\n\n".join(f"{event.title}\n{event.text}" for event in self.events)


def trial() -> Message:
    """A test of the alerts, and another one than the last: a receiver drops what it had before."""
    event = Event("test", "test", "This is a test", "Nothing is wrong: somebody ran `etna alert --test`.", "")
    return Message(secrets.token_hex(16), "etna: a test of the alerts", [event])


def message(channel: str, known: Sequence[Known]) -> Message:
    """What a channel is told of these troubles."""
    events = [_event(each, channel) for each in known]
    said = "\n".join(_identity(each, channel) for each in known)
    return Message(hashlib.sha256(said.encode()).hexdigest()[:32], _title(events), events)


def _identity(known: Known, channel: str) -> str:
    """The same for every try to tell a channel one thing, and another for the next thing."""
    last = known.over or known.told.get(channel) or known.trouble.since
    return f"{known.trouble.key} {_state(known, channel)} {last}"


def _state(known: Known, channel: str) -> State:
    if known.over:
        return "over"
    return "still" if channel in known.told else "new"


def _title(events: Sequence[Event]) -> str:
    if len(events) == 1:
        return f"etna: {events[0].title}"
    counts = {
        "new": sum(event.state == "new" for event in events),
        "not well yet": sum(event.state == "still" for event in events),
        "well again": sum(event.state == "over" for event in events),
    }
    return "etna: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _event(known: Known, channel: str) -> Event:
    trouble, state = known.trouble, _state(known, channel)
    since = trouble.since.isoformat(timespec="seconds")
    if known.over:
        text = f"{known.says}\nThe trouble lasted from {moment(trouble.since)} to {moment(known.over)}."
        return Event(trouble.key, state, f"{trouble.subject} {trouble.well}", text, since)
    lines = [
        trouble.what,
        f"Since: {moment(trouble.since)}" + (f", last seen {moment(trouble.seen)}" if state == "still" else ""),
        *([f"Still works: {trouble.works}"] if trouble.works else []),
        *([f"To do: {trouble.todo}"] if trouble.todo else []),
        *([trouble.link] if trouble.link else []),
    ]
    title = f"{trouble.subject} {'still fails' if state == 'still' else 'failed'}"
    return Event(trouble.key, state, title, "\n".join(lines), since, trouble.link)
