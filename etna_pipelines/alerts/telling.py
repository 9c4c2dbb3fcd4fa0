"""Telling every channel what it has not been told yet."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime

from etna_pipelines.alerts.channels import Channel, beat
from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.message import Message, message, trial
from etna_pipelines.errors import EtnaError
from etna_pipelines.sentences import sentence_of


def tell(memory: Memory, channels: Sequence[Channel], now: datetime, save: Callable[[Memory], None]) -> list[str]:
    """Post what is due, to all channels at once. Returns why some were not told: they are, at the next tick.

    Each arrival is saved before the next is waited for: whoever is killed here repeats at most what was on its way."""
    memory.tidy({channel.name for channel in channels}, now)
    due = {channel.name: memory.due(channel.name, now) for channel in channels}
    messages = [(channel, message(channel.name, due[channel.name])) for channel in channels if due[channel.name]]
    failed = []
    for name, error in _posted(messages):
        if error:
            failed.append(error)
        else:
            memory.note(name, due[name], now)
            save(memory)
    memory.tidy(due, now)
    save(memory)
    return failed


def keep_alive(memory: Memory, url: str, save: Callable[[Memory], None]) -> list[str]:
    """Send the heartbeat of a good night that it was not sent for. Returns why it was not."""
    if memory.good_night is None or memory.good_night == memory.beaten:
        return []
    try:
        beat(url)
    except EtnaError as error:
        return [str(error)]
    memory.beaten = memory.good_night
    save(memory)
    return []


def post_test(channels: Sequence[Channel]) -> dict[str, str]:
    """Post a test message on every channel. Why it did not arrive, by the channel's name; empty where it did."""
    test = trial()
    arrived = dict(_posted([(channel, test) for channel in channels]))
    return {channel.name: arrived[channel.name] for channel in channels}


def _posted(messages: Sequence[tuple[Channel, Message]]) -> Iterator[tuple[str, str]]:
    """The channels' names as each is done with, and why it was not told, if so."""
    if not messages:
        return
    with ThreadPoolExecutor(len(messages)) as pool:
        posts = {pool.submit(channel.post, message): channel.name for channel, message in messages}
        for post in as_completed(posts):
            error = post.exception()
            yield posts[post], sentence_of(error) if error else ""
