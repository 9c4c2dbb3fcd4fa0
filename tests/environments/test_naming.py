import pytest

from etna_pipelines.environments.naming import PURPOSES, is_name_for, name_for, previous_name
from etna_pipelines.snapshots.manifest import new_id


@pytest.mark.parametrize("live", ["etna", "x" * 63, "Llŷr🐑" * 7])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_names_fit_and_are_known_again(purpose: str, live: str) -> None:
    name = name_for(purpose, live, new_id())
    assert len(name.encode()) <= 63
    assert is_name_for(purpose, live, name)
    assert not any(is_name_for(other, live, name) for other in PURPOSES if other != purpose)


@pytest.mark.parametrize(
    "name", ["etna", "etna_new", "etna_new_idea", "etna_previous", "other_new_20261123t020000123456z-1f0c9a"]
)
def test_what_people_name_alike_is_not_a_pushs(name: str) -> None:
    assert not is_name_for("new", "etna", name)


def test_long_names_stay_apart() -> None:
    one, two = "x" * 60 + "one", "x" * 60 + "two"
    assert previous_name(one) != previous_name(two)
    assert not is_name_for("new", two, name_for("new", one, new_id()))
