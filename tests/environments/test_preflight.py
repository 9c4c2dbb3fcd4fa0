import os
import shutil
from collections import namedtuple
from dataclasses import replace
from typing import Any

import pytest

from etna_pipelines.environments import preflight as module
from etna_pipelines.environments.filling import create
from etna_pipelines.environments.preflight import FILLING, Ground, check_space, restored_bytes
from etna_pipelines.environments.preflight import preflight as preflight_on
from etna_pipelines.errors import ProgramError, PushRefused
from etna_pipelines.postgres.handover import comment_of, set_comment
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest
from tests.environments.conftest import OWNER, MakeTarget, Published

Usage = namedtuple("Usage", "total used free")


def altered(manifest: Manifest, part: str, **changes: Any) -> Manifest:
    return manifest.model_copy(update={part: getattr(manifest, part).model_copy(update=changes)})


def with_database(target: Environment, database: Database) -> Environment:
    return Environment(target.name, database, target.snapshot, target.hosts, None, target.owner)


def preflight(manifest: Manifest, target: Environment, production: Database) -> Ground:
    with target.database.maintenance.connect() as server:
        return preflight_on(server, manifest, target, production)


def refused(manifest: Manifest, target: Environment, production: Database) -> str:
    with pytest.raises(PushRefused) as raised:
        preflight(manifest, target, production)
    return str(raised.value)


def test_what_fits_is_let_through(target: Environment, published: Published) -> None:
    ground = preflight(published.stripped, target, published.production)
    assert (ground.owner, ground.superuser, ground.live) == (OWNER, True, None)


def test_what_serves_already_is_seen(serving: Environment, published: Published) -> None:
    live = preflight(published.stripped, serving, published.production).live
    assert live and (live.owner, live.encoding) == (OWNER, "UTF8")


def test_a_full_snapshot_goes_only_where_full_ones_may(published: Published, make_target: MakeTarget) -> None:
    staging, development = make_target(published, "full"), make_target(published, "stripped")
    preflight(published.full, staging, published.production)
    assert "which may only hold stripped ones" in refused(published.full, development, published.production)


def test_a_stripped_snapshot_needs_its_proof(target: Environment, published: Published) -> None:
    unproven = published.stripped.model_copy(update={"proof": None})
    failed = altered(published.stripped, "proof", passed=False)
    for manifest in (unproven, failed):
        assert "it has no passed proof" in refused(manifest, target, published.production)


def test_a_draft_is_not_pushed(target: Environment, published: Published) -> None:
    draft = published.stripped.model_copy(update={"hmac": ""})
    assert "it was never published" in refused(draft, target, published.production)


def test_production_is_no_target(target: Environment, published: Published) -> None:
    at_production = with_database(target, published.production)
    assert "is production itself: correct" in refused(published.stripped, at_production, published.production)


def test_a_server_older_than_the_source_is_refused(
    published: Published, published15: Published, make_target: MakeTarget
) -> None:
    target = make_target(published15)
    newer = published.stripped.source.server_version.split(".")[0]
    assert f"runs PostgreSQL 15 and the snapshot is of {newer}" in refused(
        published.stripped, target, published.production
    )


def test_a_missing_client_is_refused(
    target: Environment, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(program: str, major: int, database: Database) -> None:
        raise ProgramError(f"{program} {major} or newer is not installed: install it.")

    monkeypatch.setattr(module, "find", find)
    assert "cannot be restored from here: pg_restore" in refused(published.stripped, target, published.production)


def test_a_missing_extension_is_named(target: Environment, published: Published) -> None:
    manifest = altered(published.stripped, "schema_", extensions=["citext", "postgis", "timescaledb"])
    assert "lacks the extensions postgis, timescaledb" in refused(manifest, target, published.production)


def test_an_extension_that_only_superusers_make_is_named(target: Environment, published: Published) -> None:
    manifest = altered(published.stripped, "schema_", extensions=["citext", "pg_stat_statements", "plpgsql"])
    assert "lets only superusers make the extensions pg_stat_statements that" in refused(
        manifest, target, published.production
    )


def test_a_missing_owner_is_named(target: Environment, published: Published) -> None:
    ownerless = Environment(target.name, target.database, "stripped", {}, None, "nobody_yet")
    assert "Role nobody_yet, the owner of" in refused(published.stripped, ownerless, published.production)


def test_a_superuser_owns_nothing_that_is_restored(target: Environment, published: Published) -> None:
    of_superuser = Environment(target.name, target.database, "stripped", {}, None, None)
    message = refused(published.stripped, of_superuser, published.production)
    assert "would be owned by the superuser postgres" in message and "`owner` of development" in message


def test_a_developers_database_gets_the_owner_that_is_named(target: Environment, published: Published) -> None:
    role = f"app_of_{target.database.name}"
    local = Environment("local", target.database, "stripped", owner=role, makes_owner=True)
    for _ in range(2):
        assert preflight(published.stripped, local, published.production).owner == role
    superuser = replace(local, owner=target.database.user)
    assert "would be owned by the superuser postgres" in refused(published.stripped, superuser, published.production)


def test_the_role_that_connects_needs_its_privileges(target: Environment, published: Published) -> None:
    role = f"weak_{target.database.name}"
    with target.database.maintenance.connect() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    database = Database(target.database.host, target.database.port, role, target.database.name, "x")
    weak = with_database(target, database)
    assert f"ALTER ROLE {role} CREATEDB" in refused(published.stripped, weak, published.production)
    with target.database.maintenance.connect() as connection:
        connection.execute(f"ALTER ROLE {role} CREATEDB")
    assert f"Role {role} is no member of {OWNER}" in refused(published.stripped, weak, published.production)


def test_a_full_disk_is_seen_before_it_is(
    target: Environment, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, looked_at = 0, []

    def usage(path: os.PathLike[str]) -> Usage:
        looked_at.append(os.fspath(path))
        return Usage(10, 10, free)

    template = published.production.name
    with target.database.maintenance.connect() as server:
        check_space(server, published.stripped, target)
        check_space(server, published.stripped, target, template)
        monkeypatch.setattr(shutil, "disk_usage", usage)
        for cloned in (None, template):
            with pytest.raises(PushRefused, match=r"has 0\.0 GB free on its disk"):
                check_space(server, published.stripped, target, cloned)
        [(free,)] = server.execute("SELECT pg_database_size(%s) * 1.3", [template]).fetchall()
        check_space(server, published.stripped, target, template)
        another = f"{target.database.name}_new"
        create(another, preflight_on(server, published.stripped, target, None), published.stripped)
        assert comment_of(server, another) == f"{FILLING}{restored_bytes(published.stripped)}"  # it has that already
        check_space(server, published.stripped, target, template)
        set_comment(server, another, f"{FILLING}{1000**3}")
        with pytest.raises(PushRefused, match=r"free on its disk"):
            check_space(server, published.stripped, target, template)
    assert looked_at[0].endswith("/postgres/data")
