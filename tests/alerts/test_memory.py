"""Who is due to be told what, and when."""

from datetime import UTC, datetime, timedelta

from etna_pipelines.alerts.memory import FORGOTTEN, Known, Memory
from etna_pipelines.alerts.message import message
from etna_pipelines.alerts.trouble import Trouble

NIGHT = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def trouble(seen: datetime = NIGHT, key: str = "run/nightly") -> Trouble:
    return Trouble(key=key, subject="nightly", what="It failed.", since=seen, seen=seen)


def told(memory: Memory, now: datetime, *channels: str) -> list[tuple[str, bool]]:
    """Tell the channels what is due; returns what was said to whom, and whether it was an end."""
    said = []
    for channel in channels or ("slack",):
        due = memory.due(channel, now)
        memory.note(channel, due, now)
        said += [(channel, known.over is not None) for known in due]
    memory.tidy(channels or ("slack",), now)
    return said


def test_a_trouble_is_told_once_to_each_and_so_is_its_end() -> None:
    memory = Memory()
    memory.meet(trouble())

    assert told(memory, NIGHT, "slack", "email") == [("slack", False), ("email", False)]
    assert told(memory, NIGHT + DAY * 9, "slack", "email") == []
    memory.end("run/nightly", NIGHT + DAY * 9, "It succeeded.")
    assert told(memory, NIGHT + DAY * 9, "slack", "email") == [("slack", True), ("email", True)]
    assert memory.troubles == {}


def test_met_again_on_the_next_nights_it_is_told_once_a_day() -> None:
    memory, said = Memory(), []
    for minute in range(0, 3 * 24 * 60, 10):
        now = NIGHT + minute * MINUTE
        if minute % (24 * 60) == 0:
            memory.meet(trouble(now))
        said += [now] * len(told(memory, now))

    assert said == [NIGHT, NIGHT + DAY, NIGHT + 2 * DAY]
    assert memory.troubles["run/nightly"].trouble.since == NIGHT


def test_what_is_met_every_hour_is_told_once_a_day() -> None:
    memory, said = Memory(), []
    for hour in range(50):
        memory.meet(trouble(NIGHT + hour * HOUR))
        said += [hour] * len(told(memory, NIGHT + hour * HOUR))

    assert said == [0, 24, 48]


def test_a_channel_that_could_not_be_told_is_told_later_and_not_of_an_end_it_knew_nothing_of() -> None:
    memory = Memory()
    memory.meet(trouble())
    assert told(memory, NIGHT, "slack") == [("slack", False)]

    assert told(memory, NIGHT + MINUTE, "slack", "email") == [("email", False)]
    memory.end("run/nightly", NIGHT + HOUR, "It succeeded.")
    assert told(memory, NIGHT + HOUR, "slack", "email", "webhook") == [("slack", True), ("email", True)]


def test_what_ends_before_anybody_was_told_is_not_told() -> None:
    memory = Memory()
    memory.meet(trouble())
    memory.end("run/nightly", NIGHT, "It succeeded.")

    assert told(memory, NIGHT) == []
    assert memory.troubles == {}


def test_one_that_comes_back_before_its_end_was_told_goes_on() -> None:
    memory = Memory()
    memory.meet(trouble())
    told(memory, NIGHT, "slack", "email")
    memory.end("run/nightly", NIGHT + HOUR, "It succeeded.")
    memory.note("slack", memory.due("slack", NIGHT + HOUR), NIGHT + HOUR)  # email is down
    memory.meet(trouble(NIGHT + 2 * HOUR))

    assert told(memory, NIGHT + 2 * HOUR, "slack", "email") == [("slack", False)]
    assert told(memory, NIGHT + DAY, "slack", "email") == [("email", False)]


def test_one_that_comes_back_is_news_to_those_who_know_that_it_was_over() -> None:
    """Under a key of its own: a receiver drops what it had before. E-mail is down all the time."""
    memory, keys = Memory(), []
    memory.meet(trouble())
    told(memory, NIGHT, "slack", "email")
    for night in (NIGHT + DAY, NIGHT + 2 * DAY):
        memory.end("run/nightly", night - HOUR, "It succeeded.")
        memory.note("slack", memory.due("slack", night - HOUR), night - HOUR)
        memory.meet(trouble(night))
        [news] = memory.due("slack", night)
        keys.append(message("slack", [news]).key)
        assert news.trouble.since == night
        memory.note("slack", [news], night)

    assert len({message("slack", [Known(trouble=trouble())]).key, *keys}) == 3


def test_an_end_is_not_kept_for_a_channel_that_is_no_more() -> None:
    memory = Memory()
    memory.meet(trouble())
    told(memory, NIGHT, "slack", "email")
    memory.end("run/nightly", NIGHT + HOUR, "It succeeded.")

    assert told(memory, NIGHT + HOUR, "slack") == [("slack", True)]
    assert memory.troubles == {}


def test_what_nothing_is_heard_of_for_a_month_is_given_up() -> None:
    memory = Memory()
    memory.meet(trouble())
    told(memory, NIGHT)

    memory.tidy(["slack"], NIGHT + FORGOTTEN)
    assert memory.troubles
    memory.tidy(["slack"], NIGHT + FORGOTTEN + MINUTE)
    assert memory.troubles == {}


def test_it_is_the_same_after_it_was_kept() -> None:
    memory = Memory(looked=NIGHT, good_night=NIGHT)
    memory.meet(trouble())
    told(memory, NIGHT)

    assert Memory.read(memory.model_dump_json()) == memory
    assert Memory.read(None) == Memory.read('{"troubles": 7}') == Memory()
