"""What happens to the registry of feature environments, and to the clock, between two looks at it."""

import json
import shutil
from collections.abc import Callable
from http import HTTPStatus

from etna_pipelines.environments.known import KnownEnvironments
from etna_pipelines.feature_steps import FeatureSteps
from tests.faults import flows
from tests.faults.cases import IN_S3, case
from tests.faults.processes import Outcome
from tests.faults.shifted import at_another_time, library
from tests.faults.test_store import hasty, unavailable
from tests.faults.world import World
from tests.github_http import HttpServer
from tests.github_http import Reply as GitHubReply
from tests.stores.faulty_server import Reply, Request

BRANCHES = [f"feature/page-{number}" for number in range(5)]
NOTHING_CHANGES = "no feature environment is added or removed until it does"


def tick() -> None:
    """What the sensor does; says which runs it asks for."""
    plan = FeatureSteps(*flows._work()).tick()
    asked = {"make": [each.key for each in plan.to_make], "remove": [each.key for each in plan.to_remove]}
    print(json.dumps(asked))


def asked(outcome: Outcome) -> dict[str, list[str]]:
    assert outcome.ending == "succeeded", outcome.said
    found: dict[str, list[str]] = json.loads(outcome.sentence)
    return found


def announce(world: World) -> None:
    """In the directory that is the registry, and in the one in S3."""
    for branch in BRANCHES:
        path = world.home / "feature_environments" / branch
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        if world.combination.store == "S3":
            world.s3.put_object(Bucket=world.bucket, Key=f"registry/{branch}")


def known(world: World) -> dict[str, bool]:
    """The environments that are known, and whether each is going."""
    return {name: bool(each.gone_since) for name, each in KnownEnvironments(world.store).read().environments.items()}


def unchanged(world: World, do: Callable[[], Outcome]) -> Outcome:
    """What is known is the same afterwards."""
    announce(world)
    world.good(tick)
    before = known(world)
    assert len(before) >= len(BRANCHES)
    outcome = do()
    assert known(world) == before
    return outcome


@case("sensors", "the registry's directory is not there", says=rf"where feature .+ is not there: .+{NOTHING_CHANGES}")
def test_no_directory(world: World) -> Outcome:
    directory, aside = world.home / "feature_environments", world.home / "unmounted"

    def look() -> Outcome:
        directory.rename(aside)
        try:
            return world.run(tick)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
            aside.rename(directory)

    return unchanged(world, look)


@case("sensors", "the registry in S3 fails", on=IN_S3, says=r"^Feature environments can't be listed now: .+ failed at")
def test_registry_fails(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        return unavailable(request) if "registry" in request.path else world.proxy.forward(request)

    return looked_at_in_s3(world, answer)


@case("sensors", "the registry's listing in S3 is cut", on=IN_S3, says=r"^Feature environments can't be listed now: ")
def test_registry_cut(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        reply = world.proxy.forward(request)
        if "registry" in request.path:
            reply.cut_at = len(reply.body) // 2
        return reply

    return looked_at_in_s3(world, answer)


@case(
    "sensors",
    "the second page of the registry's listing fails",
    on=IN_S3,
    says=r"^Feature environments can't be listed",
)
def test_second_page_fails(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        if "registry" not in request.path:
            return world.proxy.forward(request)
        if "continuation-token" in request.path:
            return unavailable(request)
        return world.proxy.forward(Request(request.method, f"{request.path}&max-keys=2", request.headers, request.body))

    return looked_at_in_s3(world, answer)


def looked_at_in_s3(world: World, answer: Callable[[Request], Reply | None]) -> Outcome:
    registry = {"directory": f"s3://{world.bucket}/registry"}
    test = {**dict(world.settings["test"]), "registry": registry}  # type: ignore[call-overload]

    def look() -> Outcome:
        with world.settings_with(test=test), world.answering(answer):
            return world.run(tick, prepare=hasty)

    return unchanged(world, look)


@case("sensors", "GitHub's registry answers 401", says=r"^Feature environments can't be listed: .*GitHub")
def test_github_token_expired(world: World) -> Outcome:
    github = HttpServer(lambda _: GitHubReply(401, {"message": "Bad credentials"}), lambda _: None)
    outcome = asked_of_github(world, github)
    assert len(github.seen) <= 2  # to ask again can't help
    return outcome


@case("sensors", "GitHub is down", says=r"^Feature environments can't be listed now: ")
def test_github_down(world: World) -> Outcome:
    return asked_of_github(world, HttpServer(lambda _: GitHubReply(HTTPStatus.BAD_GATEWAY), lambda _: None))


def asked_of_github(world: World, github: HttpServer) -> Outcome:
    test = {**dict(world.settings["test"]), "registry": {"branches": "feature/*"}}  # type: ignore[call-overload]
    spec = {"repository": "torchbox/etna", "api_url": github.url}

    def look() -> Outcome:
        with github.running(), world.settings_with(test=test, github=spec):
            return world.run(tick, prepare=impatient, ETNA_GITHUB_TOKEN="github_pat_expired")

    return unchanged(world, look)


def impatient() -> None:
    """GitHub is given three seconds instead of thirty."""
    from etna_pipelines.environments import registry
    from etna_pipelines.github.limits import Patience

    registry.PATIENCE = Patience(limit=1, reply=1, whole=2, all=3, tries=2, pause=0.05)


@case("sensors", "nearly all branches have gone from the registry at once", ends="succeeded")
def test_emptied(world: World) -> Outcome:
    announce(world)
    world.good(tick)
    aside = world.home / "aside"
    (world.home / "feature_environments/feature").rename(aside)
    (world.home / "feature_environments/feature").mkdir()
    removal = {"grace": 0}
    test = {**dict(world.settings["test"]), "removal": removal}  # type: ignore[call-overload]
    try:
        with world.settings_with(test=test):
            world.good(tick)
            outcome = world.run(tick)
        assert asked(outcome)["remove"] == []
    finally:
        (world.home / "feature_environments/feature").rmdir()
        aside.rename(world.home / "feature_environments/feature")
    return outcome


@case("sensors", "two ticks at once, and a third one", ends="succeeded")
def test_duplicate_ticks(world: World) -> Outcome:
    announce(world)
    runs = [world.start(tick) for _ in range(2)]
    first, second = (asked(run.wait()) for run in runs)
    outcome = world.run(tick)
    assert first == second == asked(outcome)  # the keys of the same runs, of which Dagster starts each once
    return outcome


@case("sensors", "the clock is two hours ahead, and then right again", ends="succeeded")
def test_clock_ahead(world: World) -> Outcome:
    return looked_at_another_time(world, "+2h")


@case("sensors", "the clock is two hours behind, and then right again", ends="succeeded")
def test_clock_behind(world: World) -> Outcome:
    return looked_at_another_time(world, "-2h")


def looked_at_another_time(world: World, shift: str) -> Outcome:
    """The same runs are asked for, and none that removes anything."""
    announce(world)
    before = asked(world.run(tick))
    with_a_wrong_clock = world.run(at_another_time, f"{__name__}.tick", shift, str(library()))
    outcome = world.run(tick)
    assert before == asked(with_a_wrong_clock) == asked(outcome)
    assert before["remove"] == []
    return outcome
