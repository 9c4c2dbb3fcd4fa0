from collections.abc import Mapping

import pytest

from etna_pipelines.environments.fixups.in_order import in_order


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"a": "a", "b": "x"},
        {"a": "b", "b": "c", "c": "d"},
        {"a": "b", "b": "a"},
        {"a": "b", "b": "c", "c": "a", "d": "a", "e": "d"},
        {"a": "b", "b": "a", "c": "d", "d": "c"},
        {"a": "x", "b": "x"},
    ],
)
def test_one_after_the_other_is_as_if_at_once(changes: Mapping[str, str]) -> None:
    values = list("abcdex")
    changed = values
    for old, new in in_order(changes):
        changed = [new if value == old else value for value in changed]
    assert changed == [changes.get(value, value) for value in values]
