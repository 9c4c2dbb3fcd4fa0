"""What is done to the servers and databases that are pushed to."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from psycopg import sql

from etna_pipelines.postgres.embedded import EmbeddedServer
from tests.faults import flows
from tests.faults.world import World


def development(world: World, **changes: object) -> Mapping[str, object]:
    """Development's settings, with changes."""
    return {**cast("Mapping[str, object]", world.settings["development"]), **changes}


@contextmanager
def role_without(world: World, undo: str, do: str) -> Iterator[None]:
    """The role that pushes lacks something meanwhile: `{app}` and `{pusher}` are filled in."""
    names = {"app": f"{world.name}_app", "pusher": f"{world.name}_pusher"}
    with world.superuser.connect() as connection:
        connection.execute(undo.format(**names))
        try:
            yield
        finally:
            connection.execute(do.format(**names))


@contextmanager
def newest_snapshot_has(world: World, change: str, undo: str) -> Iterator[None]:
    """The newest snapshots are of a production that was changed meanwhile; then there are others."""
    try:
        with world.production_has(change, undo):
            world.good(flows.back_up)
            world.good(flows.strip)
        yield
    finally:
        world.good(flows.back_up)
        world.good(flows.strip)


def wait_for_session(world: World, like: str) -> int:
    """The process of the session whose event is waited for, or whose statement reads so."""
    deadline = time.monotonic() + 60
    query = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (wait_event = %(it)s OR query ~ %(it)s)"
    with world.superuser.connect() as connection:
        while (found := connection.execute(query, {"it": like}).fetchone()) is None:
            assert time.monotonic() < deadline, f"no session comes to {like}"
            time.sleep(0.02)
    return int(found[0])


@contextmanager
def on_a_small_disk(world: World, environment: str) -> Iterator[Path]:
    """An environment's database, and so the new one that is made for it, lies on a file system of 64 MB meanwhile."""
    tablespace, live = sql.Identifier(f"{world.name}_small"), sql.Identifier(f"{world.name}_{environment}")
    with small_disk(world, 64) as directory, world.superuser.connect() as connection:
        owned = directory / "owned"
        owned.mkdir(mode=0o700)
        os.chown(owned, world.server.data.stat().st_uid, -1)
        connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(tablespace, str(owned)))
        grant = sql.SQL("GRANT CREATE ON TABLESPACE {} TO {}")
        connection.execute(grant.format(tablespace, sql.Identifier(f"{world.name}_pusher")))
        connection.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE {}").format(live, tablespace))
        try:
            yield directory
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE pg_default").format(live))
            connection.execute(sql.SQL("DROP TABLESPACE {}").format(tablespace))


@contextmanager
def small_disk(world: World, size: int) -> Iterator[Path]:
    """A file system of so many MiB."""
    world.needs_own_disks()
    directory = world.root / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=0755", "etna-faults", str(directory)]
    subprocess.run(mount, check=True)
    try:
        yield directory
    finally:
        unmount = ["umount", "-l", str(directory)]
        subprocess.run(unmount, check=True)
        directory.rmdir()


@contextmanager
def another_server(world: World, major: int, home: Path | None = None) -> Iterator[EmbeddedServer]:
    """A server of its own, with the roles of the world's."""
    home = home or world.root / "another"
    server = EmbeddedServer(home, major=major)
    server.ensure_running()
    try:
        with world.superuser.connect() as here, server.database("postgres").connect() as there:
            query = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY(%s)"
            for name, password in here.execute(query, [[f"{world.name}_app", f"{world.name}_pusher"]]):
                login = sql.SQL(" LOGIN CREATEDB PASSWORD {}").format(password) if password else sql.SQL("")
                there.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)) + login)
            there.execute(f"GRANT {world.name}_app, pg_signal_backend TO {world.name}_pusher")
        yield server
    finally:
        server.stop()
        shutil.rmtree(home / "postgres")
