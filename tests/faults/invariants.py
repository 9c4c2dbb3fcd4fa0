"""What holds after every fault, however a run ended."""

import re
import time
from collections.abc import Mapping
from datetime import timedelta

from etna_pipelines.snapshots.catalogue import DRAFT, MANIFEST
from etna_pipelines.snapshots.integrity import MARKS
from etna_pipelines.snapshots.manifest import KINDS
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import S3Store
from tests.faults import flows
from tests.faults.content import PLANTED, SECRETS
from tests.faults.processes import Outcome, left_running
from tests.faults.world import Serving, World

PASSING = ("new", "restorer", "retired", "aside")
"""What the names of databases and roles say that are there for the time of a push."""

REDEPLOYING = (flows.night, flows.nightly, flows.push, flows.go_on, flows.redeploy, flows.rollback)
"""Once one of these has succeeded, what serves in development was redeployed."""

Before = Mapping[str, Serving]
"""What each environment served before a fault."""


def invariants(world: World, before: Before, outcome: Outcome, *, sweeps: bool = True) -> Before:
    """Assert what must hold right after a run, and return what is served now. What a killed run could not remove may
    still be there: the next one does that."""
    no_partial_snapshot_is_listed(world)
    serving = whole_databases_serve(world, before)
    told_in_one_sentence(world, outcome)
    nothing_is_running(world)
    world.was_killed |= outcome.killed or not sweeps
    if outcome.ending == "succeeded" and world.was_killed and sweeps:
        sweep_by_age(world)
        world.was_killed = False
    if not world.was_killed:
        nothing_is_left(world)
    if outcome.ending == "succeeded":
        sweep_by_age(world)  # the drafts, with which nobody goes on
    world.redeploys.look(is_done=outcome.ending == "succeeded" and outcome.flow in REDEPLOYING)
    return serving


def no_partial_snapshot_is_listed(world: World) -> None:
    """Each that is listed is signed, proven where it is stripped, and its files are what was published."""
    for kind in KINDS:
        for id_ in set(world.catalogue.ids(kind)) - world.checked:
            manifest = world.catalogue.read(kind, id_)
            world.catalogue.read_back(manifest)
            assert kind == "full" or (manifest.proof and manifest.proof.passed)
            world.checked.add(id_)


def whole_databases_serve(world: World, before: Before) -> Before:
    """What served before, untouched; or a newer push with all of its snapshot's rows."""
    serving = world.serving()
    assert {*before} - {*serving} <= {"test_login"}, "an environment has lost its database"
    for environment, now in serving.items():
        then = before.get(environment)
        if then and then.push == now.push:
            assert now == then
        else:
            manifest = world.catalogue.read(now.kind, now.snapshot)
            assert now.rows == {file.table: file.rows for file in manifest.files if file.table}
    return serving


def told_in_one_sentence(world: World, outcome: Outcome) -> None:
    """No traceback, no row's value and no secret, anywhere; a failed run ends with what, where and what to do."""
    if outcome.ending == "failed":
        assert re.fullmatch(r"\S.*[.:)?]", outcome.sentence), f"no sentence: {outcome.said}"
    assert "Traceback" not in outcome.said
    said = [outcome.said, *(path.read_text(errors="replace") for path in world.home.rglob("*.log"))]
    leaks = {leak for leak in (*PLANTED, *SECRETS) for text in said if leak in text}
    assert not leaks


def nothing_is_running(world: World) -> None:
    """No process that a run started, and no session of ours on the server."""
    assert left_running() == []
    deadline = time.monotonic() + 10  # a server takes a moment, or the end of a statement, to notice
    while sessions := _sessions(world):
        assert time.monotonic() < deadline, f"sessions are left: {sessions}"
        time.sleep(0.05)


def nothing_is_left(world: World) -> None:
    """No database, role, directory, password file or unfinished upload that was there for the run alone."""
    assert [name for name in world.databases() if _is_passing(name)] == []
    with world.superuser.connect() as connection:
        roles = [name for (name,) in connection.execute("SELECT rolname FROM pg_roles")]
    assert [name for name in roles if name.startswith(world.name) and _is_passing(name)] == []
    with world.spare.database("postgres").connect() as connection:
        drilled = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'etna\\_drill%'").fetchall()
    assert drilled == []
    assert [path.name for path in (world.home / "scratch").glob("*")] == []
    assert [path.name for path in world.temporary.iterdir()] == []
    if world.combination.store == "S3":
        assert world.s3.list_multipart_uploads(Bucket=world.bucket).get("Uploads", []) == []
    else:
        assert list((world.root / "store").rglob(".incoming-*")) == []
    keys = [item.key.split("/") for kind in KINDS for item in world.store.list(f"{kind}/")]
    published = {id_ for _, id_, *rest in keys if rest == [MANIFEST]}
    drafts = {id_ for _, id_, *rest in keys if rest == [DRAFT]}  # with these a step that is run again goes on
    assert {id_ for _, id_, *_ in keys} - published - drafts - {MARKS} == set()
    assert drafts & published == set()


def sweep_by_age(world: World) -> None:
    """What a killed run left in the store: the product's own sweeps, for once of what is of this minute too."""
    world.catalogue.sweep(older_than=-timedelta(minutes=1))
    store = world.store
    if isinstance(store, LocalStore):
        store.sweep(older_than=0)
    elif isinstance(store, S3Store):
        store.sweep(older_than=-timedelta(minutes=1))


def _sessions(world: World) -> list[str]:
    with world.superuser.connect() as connection:
        rows = connection.execute(
            "SELECT coalesce(datname, '') || ' ' || usename || ' ' || left(query, 60) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            " AND (usename LIKE %(mine)s OR datname LIKE %(mine)s OR application_name = 'etna-pipelines')",
            {"mine": rf"{world.name}\_%"},
        )
        return [what for (what,) in rows]


def _is_passing(name: str) -> bool:
    return any(f"_{purpose}_" in f"_{name}" for purpose in PASSING)
