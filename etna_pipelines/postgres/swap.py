"""Exchanging databases under open connections, by renaming them in one transaction.

Lock first: the rename of the live database takes its lock, so newcomers queue; only then are its sessions ended, and
the names change hands at the commit. Whenever the swapper or the server dies, either every name has moved or none has.
What can be refused is refused before anybody is disconnected.
"""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from etna_pipelines.errors import SwapFailed
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.handover import hand_over
from etna_pipelines.postgres.server import Database, reason

Connection = psycopg.Connection[TupleRow]
Move = tuple[str, str]
"""A database's name, and the name it takes."""

STALLED = 10
"""Seconds after which the server itself gives up on a swapper that went silent while it holds the lock."""
PAUSE = 0.005
"""Seconds between two looks of session B."""
GONE = sql.Identifier("etna_sessions_gone")
"""The channel that session A is told by that nobody is left on the database which it renames. To rename one, Postgres
looks whether sessions are there every 100 ms; a notification ends that sleep, as any signal does."""

# Materialised, so that nothing is ended before it is known to be a session of that database. The server's own workers
# are not ours to end: the rename itself ends them.
END_SESSIONS = """
    WITH session AS MATERIALIZED (SELECT pid, usesysid FROM pg_stat_activity WHERE datid = %s)
    SELECT pid, usesysid IS NOT NULL AND pg_terminate_backend(pid) FROM session"""


@dataclass(frozen=True)
class SwapResult:
    """How long newcomers queued, in seconds, and how many sessions were ended."""

    outage: float
    sessions_ended: int


def swap(
    live: Database, new_name: str, old_name: str, *, retired_name: str | None = None, lock_timeout: float = 10
) -> SwapResult:
    """Let the database `new_name` take the name of `live`, which becomes `old_name` and accepts no connections.

    An older `old_name` becomes `retired_name`. Where `live` does not exist yet this is a plain rename. Needs CREATEDB,
    membership of the owner's role and pg_signal_backend, no superuser. Raises SwapFailed: `live` serves as before."""
    with live.maintenance.connect() as watcher:
        present = _present(watcher, live.name, old_name)
        moves: list[Move] = [(new_name, live.name)]
        if live.name in present:
            moves.insert(0, (live.name, old_name))
            if old_name in present and retired_name:
                moves.insert(0, (old_name, retired_name))
        return _exchange(watcher, _Parties(live, moves, first_time=True), lock_timeout)


def undo_swap(
    live: Database, new_name: str, old_name: str, *, retired_name: str | None = None, lock_timeout: float = 10
) -> SwapResult:
    """The reverse of `swap` with the same names, also of the first one, which leaves no live database."""
    with live.maintenance.connect() as watcher:
        present = _present(watcher, old_name, retired_name or "")
        moves: list[Move] = [(live.name, new_name)]
        if old_name in present:
            moves.append((old_name, live.name))
        if retired_name and retired_name in present:
            moves.append((retired_name, old_name))
        return _exchange(watcher, _Parties(live, moves), lock_timeout)


def swap_back(live: Database, previous_name: str, *, lock_timeout: float = 10) -> SwapResult:
    """Exchange `live` and `previous_name`; doing it twice leaves everything as it was."""
    aside = f"aside_{hashlib.blake2b(previous_name.encode(), digest_size=16).hexdigest()}"  # fits, however long that is
    moves = [(live.name, aside), (previous_name, live.name), (aside, previous_name)]
    with live.maintenance.connect() as watcher:
        return _exchange(watcher, _Parties(live, moves), lock_timeout)


@dataclass
class _Parties:
    """The database that stops being live and the one that begins, each by OID where there is one."""

    live: Database
    moves: Sequence[Move]
    first_time: bool = False
    """Whether the one that begins has never served."""
    oids: dict[str, int] = field(default_factory=dict)

    @property
    def leaving(self) -> int | None:
        return self.oids.get(self.live.name)

    @property
    def coming(self) -> str | None:
        return next((name for name, target in self.moves if target == self.live.name), None)

    def refusal(self, why: str) -> SwapFailed:
        return SwapFailed(f"{self.live.label} goes on serving what it served: {why}.")


def _present(connection: Connection, *names: str) -> set[str]:
    rows = connection.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", [list(names)])
    return {row[0] for row in rows}


def _exchange(watcher: Connection, parties: _Parties, lock_timeout: float) -> SwapResult:
    with parties.live.maintenance.connect(autocommit=False) as renamer:
        _preflight(watcher, parties)
        renamer.execute(sql.SQL("LISTEN {}").format(GONE))
        renamer.commit()
        ending = _Ending(watcher, parties.leaving, renamer.info.backend_pid)
        with ThreadPoolExecutor(1) as thread:
            try:
                ended = thread.submit(ending.run)
                outage = _rename(renamer, parties, lock_timeout)
            except psycopg.Error as error:
                if not _arrived(parties):  # a lost reply to the commit is no lost commit
                    raise parties.refusal(ending.refusal or _explain(error, lock_timeout)) from None
                outage = STALLED
            finally:
                ending.over.set()
        with suppress(psycopg.Error):  # the names have changed hands all the same
            ended.result()
        return SwapResult(outage, len(ending.ended))


def _rename(renamer: Connection, parties: _Parties, lock_timeout: float) -> float:
    """Session A. All but the renames is done before the lock: what may not be done fails while nobody is disconnected
    yet, nobody sees it before the commit, and nobody waits for it."""
    renamer.execute(
        "SELECT set_config('lock_timeout', %s, true), set_config('idle_in_transaction_session_timeout', %s, true),"
        " set_config('synchronous_commit', 'on', true)",  # else a crash could take back what we went on from
        [f"{lock_timeout * 1000:.0f}", f"{STALLED * 1000}"],
    )
    if parties.leaving is not None:
        if parties.coming:
            hand_over(renamer, parties.live.name, parties.coming, comment=parties.first_time)
        _allow_connections(renamer, parties.live.name, allow=False)
    if parties.coming:
        _allow_connections(renamer, parties.coming, allow=True)
    reached(FaultPoint.SWAP_PREPARED)
    began = time.monotonic()
    for source, target in parties.moves:
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(source), sql.Identifier(target))
        renamer.execute(statement)
        reached(FaultPoint.SWAP_LOCKED)
    reached(FaultPoint.SWAP_RENAMED)
    renamer.commit()
    reached(FaultPoint.SWAP_COMMITTED)
    return time.monotonic() - began


def _allow_connections(connection: Connection, name: str, *, allow: bool) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.Literal(allow))
    )


class _Ending:
    """Session B: ends the sessions of the leaving database once session A holds its lock."""

    def __init__(self, watcher: Connection, leaving: int | None, renamer: int) -> None:
        self.watcher, self.leaving, self.renamer = watcher, leaving, renamer
        self.over = Event()
        self.refusal: str | None = None
        self.ended: set[int] = set()
        """The processes of sessions that were ended."""

    def run(self) -> None:
        if self.leaving is None or not self._wait_for_lock():
            return
        self.refusal = _unendable(self.watcher, self.leaving)
        if self.refusal:
            self.watcher.execute("SELECT pg_cancel_backend(%s)", [self.renamer])
            return
        while True:
            there = self.watcher.execute(END_SESSIONS, [self.leaving]).fetchall()
            self.ended |= {pid for pid, was_ended in there if was_ended}
            if not there:
                self.watcher.execute(sql.SQL("NOTIFY {}").format(GONE))
            if self.over.wait(PAUSE):
                return

    def _wait_for_lock(self) -> bool:
        while not self.over.is_set():
            held = self.watcher.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND objid = %s"
                " AND mode = 'AccessExclusiveLock' AND granted AND pid = %s",
                [self.leaving, self.renamer],
            )
            if held.fetchone():
                return True
            self.over.wait(PAUSE)
        return False


def _preflight(connection: Connection, parties: _Parties) -> None:
    """Whatever can be refused, before anybody is disconnected."""
    names = [name for move in parties.moves for name in move]
    rows = connection.execute(
        "SELECT datname, oid, pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = ANY(%s)", [names]
    ).fetchall()
    parties.oids = {name: oid for name, oid, _ in rows}
    if foreign := next((name for name, _, ours in rows if not ours), None):
        raise parties.refusal(f"database {foreign} is owned by a role that {parties.live.user} is no member of")
    _check_names(parties)
    _check_role(connection, parties)
    for name in filter(None, [parties.live.name if parties.leaving is not None else None, parties.coming]):
        _check_unattached(connection, parties, name)
    if parties.coming:
        _await_quiet(connection, parties, parties.coming)
    if parties.leaving is not None and (why := _unendable(connection, parties.leaving)):
        raise parties.refusal(why)


def _check_names(parties: _Parties) -> None:
    taken = set(parties.oids)
    for source, target in parties.moves:
        if source not in taken:
            raise parties.refusal(f"there is no database {source} to rename to {target}")
        if target in taken:
            raise parties.refusal(f"a database {target} is there already: drop or rename it")
        if len(target.encode()) > 63:
            raise parties.refusal(f"the name {target} is longer than the 63 bytes that Postgres keeps")
        taken = (taken - {source}) | {target}


def _check_role(connection: Connection, parties: _Parties) -> None:
    row = connection.execute("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    if not row or not row[0]:
        user = parties.live.user
        raise parties.refusal(
            f"renaming databases needs CREATEDB: have an administrator run ALTER ROLE {user} CREATEDB"
        )


def _check_unattached(connection: Connection, parties: _Parties, name: str) -> None:
    """Prepared transactions and replication slots belong to a database's OID and would stay behind."""
    if connection.execute("SELECT 1 FROM pg_prepared_xacts WHERE database = %s", [name]).fetchone():
        raise parties.refusal(f"database {name} has prepared transactions: commit them or roll them back")
    slot = connection.execute("SELECT slot_name FROM pg_replication_slots WHERE database = %s", [name]).fetchone()
    if slot:
        raise parties.refusal(f"replication slot {slot[0]} belongs to database {name}: drop it first")


def _await_quiet(connection: Connection, parties: _Parties, name: str, patience: float = 3) -> None:
    """Sessions of ours that have just ended take a moment to go."""
    deadline = time.monotonic() + patience
    query = "SELECT count(*) FROM pg_stat_activity WHERE datid = %s AND usesysid IS NOT NULL"
    while (row := connection.execute(query, [parties.oids[name]]).fetchone()) and row[0]:
        if time.monotonic() > deadline:
            raise parties.refusal(f"{row[0]} sessions are open on database {name}: end them")
        time.sleep(0.05)


def _unendable(connection: Connection, oid: int) -> str | None:
    """Why sessions on a database cannot be ended by this role, if so."""
    row = connection.execute(
        "SELECT session.rolname, session.rolsuper FROM pg_stat_activity JOIN pg_roles AS session"
        " ON session.oid = usesysid JOIN pg_roles AS me ON me.rolname = current_user"
        " WHERE datid = %s AND pid <> pg_backend_pid() AND NOT me.rolsuper"
        " AND (session.rolsuper OR NOT pg_has_role('pg_signal_backend', 'USAGE')"
        "      AND NOT pg_has_role(session.oid, 'USAGE'))"
        " ORDER BY session.rolsuper DESC",
        [oid],
    ).fetchone()
    if row is None:
        return None
    role, is_superuser = row
    if is_superuser:
        return f"superuser {role} has a session open on it, which only a superuser may end: end it and push again"
    return f"role {role} has a session open on it: grant pg_signal_backend to the role that pushes"


def _arrived(parties: _Parties) -> bool:
    """Whether the moves were made after all."""
    if not parties.coming:
        return False
    with parties.live.maintenance.connect() as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [parties.live.name]).fetchone()
        return row is not None and row[0] == parties.oids[parties.coming]


def _explain(error: psycopg.Error, lock_timeout: float) -> str:
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return f"something else (a CREATE or ALTER DATABASE) holds its lock for {lock_timeout:g} s: try again later"
    if isinstance(error, psycopg.errors.ObjectInUse):
        return "its sessions did not end within 5 s: try again later"
    if error.sqlstate is None or error.sqlstate.startswith("57P"):  # libpq's words, or those of a server that dies
        return "the connection was lost before the exchange: check that the server runs, then try again"
    return reason(error)
