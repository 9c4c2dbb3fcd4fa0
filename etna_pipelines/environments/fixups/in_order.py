"""Several changes made one after the other, as if they were made at once."""

from collections.abc import Callable, Mapping


def in_order(changes: Mapping[str, str], key: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """The changes in an order in which none changes what another one made: of `a: b` and `b: c` the second goes first.

    Where they go round in a circle (`a: b`, `b: a`), one takes a way round by a placeholder: a text of two characters
    that stands nowhere. `key` says of a new value how it would be looked up as an old one."""
    waiting = {old: new for old, new in changes.items() if old != new}
    steps: list[tuple[str, str]] = []
    at_last: list[tuple[str, str]] = []
    while waiting:
        free = next((old for old, new in waiting.items() if key(new) not in waiting), None)
        if free is not None:
            steps.append((free, waiting.pop(free)))
        else:
            old, new = waiting.popitem()
            placeholder = f"\x01{len(at_last)}"
            steps.append((old, placeholder))
            at_last.append((placeholder, new))
    return steps + at_last
