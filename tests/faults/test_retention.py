"""What happens to a prune, and what it must never delete."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from etna_pipelines import settings
from etna_pipelines.retention_steps import RetentionSteps
from etna_pipelines.snapshots.integrity import put_mark
from etna_pipelines.snapshots.manifest import Kind, Manifest, new_id
from tests.faults import flows
from tests.faults.cases import IN_S3, case
from tests.faults.processes import Outcome
from tests.faults.shifted import at_another_time, library
from tests.faults.test_store import hasty, unavailable
from tests.faults.world import World
from tests.stores.faulty_server import Reply, Request

DENIED = b"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
YEARS = (1000, 1010, 1020)
"""Days ago."""


def prune() -> None:
    """As it is done every night."""
    RetentionSteps.of(settings.load()).prune()


def old_snapshots(world: World, *days: int, files: int = 0) -> list[Manifest]:
    """Snapshots of so many days ago, which go; each with so many more files."""
    newest = world.newest("full")
    made = []
    for ago in days or YEARS:
        extra = [
            newest.files[-1].model_copy(update={"name": f"{9000 + number}.dat.gz", "table": None})
            for number in range(files)
        ]
        old = newest.model_copy(
            update={"id": new_id(datetime.now(UTC) - timedelta(days=ago)), "files": [*newest.files, *extra]}
        )
        for file in newest.files:
            world.store.copy(newest.archive_key(file.name), old.archive_key(file.name))
        for file in extra:
            world.store.copy(newest.archive_key(newest.files[-1].name), old.archive_key(file.name))
        made.append(world.catalogue.publish(old))
        world.checked.add(old.id)
    return made


def sound(world: World, kind: Kind) -> list[str]:
    """Ids of the snapshots of a kind that were not found damaged, oldest first."""
    return sorted(each.id for each in world.catalogue.trusted(kind))


@contextmanager
def nothing_sound_is_lost(world: World) -> Iterator[None]:
    """The newest two of each kind are there afterwards."""
    kept = {kind: sound(world, kind)[-2:] for kind in ("full", "stripped")}
    yield
    for kind, ids in kept.items():
        assert set(ids) <= set(sound(world, kind))


def is_delete(request: Request) -> bool:
    return request.method == "DELETE" or (request.method == "POST" and "delete" in request.path.partition("?")[2])


@case(
    "retention",
    "the credentials may not delete",
    on=IN_S3,
    says=r"not allowed DeleteObjects on s3://.+: grant it to them",
)
def test_denied(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        return (
            Reply(403, {"Content-Type": "application/xml"}, DENIED)
            if is_delete(request)
            else world.proxy.forward(request)
        )

    old_snapshots(world)
    with nothing_sound_is_lost(world), world.answering(answer):
        outcome = world.run(flows.prune)
    assert sum(map(is_delete, world.proxy.seen)) == 1  # to ask once more can't help
    return outcome


@case(
    "retention",
    "S3 deletes some of the files and not others",
    on=IN_S3,
    says=r"s3://\S+.*: run this again",
    sweeps=False,
)
def test_partial(world: World) -> Outcome:
    old_snapshots(world)

    def answer(request: Request) -> Reply | None:
        if not is_delete(request) or b"toc.dat" not in request.body:
            return world.proxy.forward(request)
        key = request.body.partition(b"toc.dat")[0].rpartition(b"<Key>")[2] + b"toc.dat"
        error = b"<Error><Key>%b</Key><Code>InternalError</Code><Message>We</Message></Error>" % key
        body = b'<?xml version="1.0" encoding="UTF-8"?><DeleteResult>%b</DeleteResult>' % error
        return Reply(200, {"Content-Type": "application/xml"}, body)

    with nothing_sound_is_lost(world), world.answering(answer):
        return world.run(flows.prune)


@case("retention", "S3 fails at deleting", on=IN_S3, says=r"failed at DeleteObjects of s3://\S+ .+: run this again\.$")
def test_failing(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        return unavailable(request) if is_delete(request) else world.proxy.forward(request)

    old_snapshots(world)
    with nothing_sound_is_lost(world), world.answering(answer):
        return world.run(flows.prune, prepare=hasty)


@case("retention", "the listing of the store is cut", on=IN_S3, says=r"s3://\S+")
def test_listing_cut(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        reply = world.proxy.forward(request)
        if request.method == "GET" and "list-type=2" in request.path:
            reply.cut_at = len(reply.body) // 2
        return reply

    old_snapshots(world)
    everything = {item.key for item in world.store.list("")}
    with world.answering(answer):
        outcome = world.run(flows.prune, prepare=hasty)
    assert everything <= {item.key for item in world.store.list("")}  # nothing is deleted as a listing failed
    return outcome


@case("retention", "a snapshot of more than a thousand files", ends="succeeded", on=IN_S3)
def test_many_files(world: World) -> Outcome:
    big = old_snapshots(world, 1000, files=1_050)[0]
    old_snapshots(world, 10, 11)  # the newest two stay
    with nothing_sound_is_lost(world):
        outcome = world.run(flows.prune)
    assert [*world.store.list(f"{big.prefix}/")] == []
    return outcome


@case("retention", "all but the old ones were found damaged", ends="succeeded")
def test_recent_ones_damaged(world: World) -> Outcome:
    old = old_snapshots(world)
    recent = [id_ for id_ in world.catalogue.ids("full") if id_ not in {each.id for each in old}]
    for id_ in recent:
        put_mark(world.store, "full", id_, "damaged", "It was changed.")
    try:
        outcome = world.run(flows.prune)
        assert sound(world, "full") == sorted(each.id for each in old)[-2:]
        assert set(recent) <= set(world.catalogue.ids("full"))  # for people to look at
    finally:
        for id_ in recent:
            put_mark(world.store, "full", id_, "verified")
    return outcome


@case("retention", "a push reads what is pruned meanwhile", ends="succeeded")
def test_push_meanwhile(world: World) -> Outcome:
    world.good(flows.strip)
    older = world.catalogue.ids("stripped")[-2]
    with world.standing_at("push: database created", flows.push, "development", older) as run:
        world.good(flows.strip)
        world.good(flows.strip)
        world.good(prune)
        assert older not in world.catalogue.ids("stripped")
    return run.wait()


@case("retention", "two at once", says=r"^Another run holds the lock “prune” .+: wait until", then=flows.prune)
def test_two_at_once(world: World) -> Outcome:
    old_snapshots(world)
    with world.standing_at("prune: a snapshot retired", prune) as first:
        second = world.run(prune)
    assert first.wait().ending == "succeeded"
    return second


@case("retention", "the clock is two hours ahead", ends="succeeded", then=prune)
def test_clock_ahead(world: World) -> Outcome:
    return pruned_at(world, "+2h")


@case("retention", "the clock is ten years ahead", ends="succeeded", then=prune)
def test_clock_far_ahead(world: World) -> Outcome:
    return pruned_at(world, "+10y")


@case("retention", "the clock is two hours behind", ends="succeeded", then=prune)
def test_clock_behind(world: World) -> Outcome:
    return pruned_at(world, "-2h")


def pruned_at(world: World, shift: str) -> Outcome:
    """Nothing goes that would not have gone, and what is retired is left to those who read it."""
    old_snapshots(world)
    with nothing_sound_is_lost(world):
        outcome = world.run(at_another_time, f"{__name__}.prune", shift, str(library()))
    assert len(world.catalogue.folders("full")) >= len(YEARS)
    return outcome
