import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.environments.features import Feature, feature_database_name, feature_of
from etna_pipelines.environments.naming import PURPOSES, is_name_for, name_for, previous_name
from etna_pipelines.snapshots.manifest import new_id

WORDS = [
    "login",
    "Login",
    "LOGIN",
    "page",
    "previous",
    "template",
    "new",
    "aside",
    "retired",
    "1f0c9a2b",
    "a",
    "ß",
    "🐑",
]
BRANCHES = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).flatmap(
        lambda words: st.lists(st.sampled_from("/-_."), min_size=len(words), max_size=len(words)).map(
            lambda joints: "".join(word + joint for word, joint in zip(words, joints, strict=True)).rstrip("/-_.")
        )
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=70),
).flatmap(lambda rest: st.sampled_from([f"feature/{rest}", f"fix/{rest}", rest]))


@pytest.mark.parametrize(
    ("branch", "name"),
    [
        ("feature/login", "login"),
        ("feature/DSRC-12", r"dsrc-12-[0-9a-f]{8}"),
        ("feature/login/page", r"login-page-[0-9a-f]{8}"),
        ("feature/login-page", "login-page"),
        ("login", r"login-[0-9a-f]{8}"),
        ("fix/login", r"fix-login-[0-9a-f]{8}"),
        ("feature/new-home", "new-home"),
        ("feature/login-previous", r"login-previous-[0-9a-f]{8}"),
        ("feature/template", r"template-[0-9a-f]{8}"),
        ("feature/login-d8ae3d87", r"login-d8ae3d87-[0-9a-f]{8}"),
        ("feature/" + "long" * 60, r"(long){7}lon-[0-9a-f]{8}"),
        ("feature/🐑", r"x-[0-9a-f]{8}"),
    ],
)
def test_a_branchs_name(branch: str, name: str) -> None:
    assert re.fullmatch(name, feature_of(branch).name)


def test_the_tag_of_its_image() -> None:
    assert feature_of("feature/Login/page").image_tag == "feature-Login-page"


@given(st.lists(BRANCHES, unique=True, max_size=40), st.sampled_from(["etna_test", "t", "x" * 45]))
def test_branches_share_nothing(branches: list[str], beginning: str) -> None:
    features = [feature_of(branch) for branch in branches]
    lives = {feature_database_name(beginning, feature) for feature in features}
    assert len({feature.name for feature in features}) == len(lives) == len(branches)
    assert all(re.fullmatch(r"(?!-)[a-z0-9-]{1,40}(?<!-)", feature.name) for feature in features)
    assert not any("--" in feature.name for feature in features)
    assert all(len(live) <= 50 for live in lives)

    ids = new_id()
    beside = [previous_name(live) for live in lives] + [f"{previous_name(live)[:50]}_aside" for live in lives]
    made = [name_for(purpose, live, ids) for live in lives for purpose in PURPOSES]
    assert len({*beside, *made}) == len(beside) + len(made)
    assert lives.isdisjoint(beside)
    assert not any(is_name_for(purpose, live, other) for purpose in PURPOSES for live in lives for other in lives)
    assert not any(live.startswith(f"{beginning}_template_2") for live in lives)


def test_names_of_databases_too_long_stay_apart() -> None:
    one, two = (feature_database_name("x" * 60, Feature(name, "")) for name in ("one", "two"))
    assert one != two
    assert len(one) == len(two) == 50
