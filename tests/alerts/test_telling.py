"""Posting to all, where some are down and we may be killed between two posts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.message import Message
from etna_pipelines.alerts.telling import post_test, tell
from etna_pipelines.alerts.trouble import Trouble
from etna_pipelines.errors import AlertFailed

NIGHT = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)


@dataclass
class Told:
    """A channel that takes what it gets, once it may, or fails."""

    name: str
    error: Exception | None = None
    waits: Event | None = None
    got: list[str] = field(default_factory=list)

    def post(self, message: Message) -> None:
        if self.waits:
            self.waits.wait(10)
        if self.error:
            raise self.error
        self.got.append(message.title)


def failed() -> Memory:
    memory = Memory()
    memory.meet(Trouble(key="run/nightly", subject="nightly", what="Why.", since=NIGHT, seen=NIGHT))
    return memory


def test_a_kill_after_one_of_two_has_it_repeats_nothing_to_that_one() -> None:
    """What was saved when the second post began is all that the next process knows."""
    saved: list[str] = []
    slow = Told("slow", waits=Event())
    fast = Told("fast")

    def save(memory: Memory) -> None:
        saved.append(memory.model_dump_json())
        assert slow.waits
        slow.waits.set()

    tell(failed(), [slow, fast], NIGHT, save)
    after_the_kill = Memory.model_validate_json(saved[0])
    tell(after_the_kill, [slow, fast], NIGHT + timedelta(seconds=30), lambda memory: None)

    assert fast.got == ["etna: nightly failed"]
    assert slow.got == ["etna: nightly failed"] * 2  # its own note was lost


def test_whatever_goes_wrong_with_one_the_others_are_told() -> None:
    known, own, well = Told("a", AlertFailed("a was not told.")), Told("b", ValueError("a secret")), Told("c")

    untold = tell(failed(), [known, own, well], NIGHT, lambda memory: None)

    assert well.got == ["etna: nightly failed"]
    assert len(untold) == 2
    assert "a was not told." in untold
    assert "a secret" not in " ".join(untold)


@pytest.mark.parametrize("times", [1, 3])
def test_a_test_message_is_nothing_to_remember(times: int) -> None:
    down, well = Told("a", AlertFailed("a was not told.")), Told("b")
    for _ in range(times):
        assert post_test([down, well]) == {"a": "a was not told.", "b": ""}
    assert well.got == ["etna: a test of the alerts"] * times
