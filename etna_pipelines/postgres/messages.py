"""What servers and client programs say, reduced to what may be shown: never a row's value, never a secret.

PostgreSQL quotes values in its messages (`invalid input syntax for type integer: "..."`), functions raise any text
they like, and client programs print both to stderr. So nothing is filtered out here: only known messages get in.
"""

import contextlib
import re
import signal
from collections.abc import Iterable, Sequence

import psycopg

from etna_pipelines.errors import DatabaseBusy, DatabaseRefused, DatabaseUnreachable, EtnaError, ProgramError

_UNREACHABLE: list[tuple[str, str]] = [
    (r"Connection refused", "nothing listens there: start the server or correct its host and port"),
    (r"timeout expired|timed out", "it did not answer in time: check its host, port and firewall"),
    (r"could not translate host name|Name or service not known", "its host name is not known: correct the host"),
    (r"No route to host|Network is unreachable", "there is no network route to it: check the host and the network"),
    (r"No such file or directory", "there is no socket of a server: start the server or correct its host"),
    (r"starting up|not yet accepting connections|recovery mode", "the server is starting up: try again in a moment"),
    (r"shutting down|terminating connection due to administrator", "the server is shutting down: start it again"),
    (r"(server closed|lost synchron).*connection|Connection reset|SSL SYSCALL|connection to server was lost|"
     r"no connection to the server", "the connection was lost: check that the server runs, then try again"),
]  # fmt: skip

# Before what makes a server unreachable: a file that is missing here says nothing about the server.
_CERTIFICATES: list[tuple[str, str]] = [
    (r"root certificate file|could not read root certificate|could not load root certificate",
     "the file of certificates in sslrootcert cannot be read: correct it"),
    (r"does not match host name", "its TLS certificate is for another host name: connect by the name that it is for"),
    (r"valid client certificate|alert (bad |unsupported )?certificate|alert unknown ca|[Cc]ertificate authentication",
     "it does not accept the client certificate of role {user}: correct sslcert and sslkey"),
    (r"certificate file|private key file",
     "the client's certificate or key cannot be used: correct sslcert and sslkey, and let nobody else read the key"),
    (r"certificate", "its TLS certificate is not trusted: correct sslrootcert or sslmode"),
    (r"server does not support SSL", "it has no TLS, which sslmode asks for: turn `ssl` on there"),
]  # fmt: skip

_BUSY = r"too many (clients|connections)|remaining connection slots"

_REFUSED: list[tuple[str, str]] = [
    (r"password authentication failed|scram", "the password of role {user} is wrong: correct it"),
    (r"no password supplied|empty password", "role {user} needs a password: set it"),
    (r'database "[^"]*" does not exist', "there is no such database: create it or correct its name"),
    (r'role "[^"]*" does not exist', "role {user} does not exist: create it or correct its name"),
    (r"permission denied for database", "role {user} may not connect: GRANT it CONNECT on the database"),
    (r"not permitted to log in", "role {user} may not log in: ALTER ROLE it to LOGIN"),
    (r"not currently accepting connections", "it takes no connections: ALTER DATABASE it to ALLOW_CONNECTIONS true"),
    (r"No space left|Check free disk space|could not write init file", "its disk is full: make room there"),
    (r"pg_hba\.conf", "the server's pg_hba.conf does not let role {user} in from here: add a line for it"),
    (r"SSL", "server and settings disagree about TLS: correct sslmode"),
    (r"authentication", "it did not accept the authentication of role {user}: check role and password"),
]  # fmt: skip

# One pattern a line; NAME stands for a quoted name of an object, and everything after the match is left out.
_KNOWN_LINES = r"""
duplicate key value violates unique constraint NAME
(insert or update|update or delete) on table NAME violates foreign key constraint NAME
new row for relation NAME violates (check|partition) constraint( NAME)?
null value in column NAME of relation NAME violates not-null constraint
(could not create unique index|could not create directory|unrecognized configuration parameter) NAME
(table|relation|schema|type|role|extension|index|sequence|database|tablespace|collation) NAME \
(does not exist|already exists|is not available|is being accessed by other users)
column NAME( of relation NAME)? does not exist
(permission denied for|must be owner of) \
(table|relation|schema|sequence|database|function|view|materialized view|type|extension|tablespace|large object) \
(NAME|[\w.]+)
permission denied to (create (database|extension|role)|set parameter|set role)( NAME)?
value too long for type [a-z ]+(\(\d+\))?
invalid input (syntax|value) for (type|enum) [\w. ]{1,100}
invalid byte sequence for encoding "\w+"
(bigint|integer|smallint|date|timestamp|interval) out of range
numeric field overflow
malformed (array|record|range) literal
missing data for column NAME
extra data after last expected column
could not obtain lock on relation NAME
could not serialize access
canceling statement due to (lock timeout|statement timeout|user request|conflict with recovery)
terminating connection due to [a-z]+( [a-z]+)?
deadlock detected
out of (shared )?memory
invalid memory alloc request size
current transaction is aborted
cannot execute [A-Z ]+ in a read-only transaction
No space left on device|Disk quota exceeded|Input/output error|Too many open files|File exists
could not uncompress data
could not read from input file: end of file
unexpected end of file
input file (is too short|does not appear to be a valid archive|appears to be a text format dump)
could not open (input|output) file
no matching (tables|schemas) were found
(invalid|unrecognized) option
"""
_KNOWN = [
    re.compile(line.replace("NAME", r'"[^"]{1,200}"')) for line in _KNOWN_LINES.replace("\\\n", "").splitlines() if line
]


_LOCKS = "its table of locks is full: raise max_locks_per_transaction there and restart it"


def why_no_connection(text: str, label: str, user: str) -> EtnaError | None:
    """The error that libpq's text about a failed or lost connection amounts to, if it is about one."""
    if re.search(_BUSY, text):
        return DatabaseBusy(f"{label} refuses the connection: its connections are all in use: try again later.")
    for pattern, why in _CERTIFICATES:
        if re.search(pattern, text):
            return DatabaseRefused(f"{label} cannot be connected to: {why.format(user=user)}.")
    for pattern, why in _UNREACHABLE:
        if re.search(pattern, text):
            return DatabaseUnreachable(f"{label} cannot be reached: {why}.")
    for pattern, why in _REFUSED:
        if re.search(pattern, text):
            return DatabaseRefused(f"{label} refuses the connection: {why.format(user=user)}.")
    return None


def known(text: str) -> str | None:
    """The part of a message that is a standard one and names objects only; None where nothing of it is known."""
    found = [match for pattern in _KNOWN if (match := pattern.search(text))]
    said = min(found, key=lambda match: match.start()).group() if found else None
    return f"{said}, {_LOCKS}" if said == "out of shared memory" else said


def reason(error: psycopg.Error) -> str:
    """Why a statement failed, for people: condition, SQLSTATE, objects; no values, no detail."""
    condition = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    diag = error.diag
    message = known(diag.message_primary or "") or condition
    code = f" ({error.sqlstate})" if error.sqlstate else ""
    table = ".".join(part for part in (diag.schema_name, diag.table_name) if part)
    objects = {"table": table, "column": diag.column_name, "constraint": diag.constraint_name}
    return message + code + _in_words(f"{kind} {name}" for kind, name in objects.items() if name)


def _in_words(objects: Iterable[str]) -> str:
    listed = ", ".join(objects)
    return f" at {listed}" if listed else ""


_ABOUT_CONNECTION = re.compile(r"connection to server|server closed the connection|no connection to the server|FATAL:")
# pg_dump tells what the server said as a detail of its own.
_NOT_THE_MESSAGE = re.compile(
    r"(\w+: )?(DETAIL|detail(?!: Error message from server)|CONTEXT|HINT|hint|QUERY|STATEMENT|LOCATION|\w+ was): ?"
)
_OBJECTS = [
    re.compile(r"from TOC entry \d+; \d+ \d+ ([^\n]{1,200})"),
    re.compile(r"(?:COPY failed for|contents of) (table \"[^\"\n]{1,200}\")"),
]


def program_failure(program: str, code: int, stderr: Sequence[str], label: str, user: str) -> EtnaError:
    """The error that a client program's exit code and its lines on stderr amount to."""
    if code in (126, 127):  # the shell's words for it
        return ProgramError(f"{program} cannot be started: install it again, `etna doctor` says which ones are in use.")
    text = "\n".join(stderr)
    if versions := re.search(r"server version: ([\w.]+).*; (\w+) version: ([\w.]+)", text):
        server, _, client = versions.groups()
        major = re.split(r"\D", server)[0]
        return ProgramError(
            f"{program} {client} is too old for {label}, which is PostgreSQL {server}: "
            f"install postgresql-client-{major} or name its directory in ETNA_POSTGRES_BIN."
        )
    if "unsupported version" in text and "file header" in text:
        return ProgramError(
            f"The archive is of a newer PostgreSQL than this {program}: install the newer client programs."
        )
    start = next((number for number, line in enumerate(stderr) if "error:" in line or "FATAL:" in line), len(stderr))
    said = [line for line in stderr[start:] if not _NOT_THE_MESSAGE.match(line)]
    for line in said:
        if _ABOUT_CONNECTION.search(line) and (unreachable := why_no_connection(line, label, user)):
            return unreachable
    message = next((message for line in said if (message := known(line))), None) or _own_words(program, said)
    found = [match.group(1) for pattern in _OBJECTS if (match := pattern.search(text))]
    return ProgramError(
        f"{program} {_ended(code)}{f' on {label}' if label else ''}{f' at {found[0]}' if found else ''}: "
        f"{message or 'what the server said may quote rows and is not shown, its log has it'}."
    )


def _own_words(program: str, said: Sequence[str]) -> str | None:
    """What the program said by itself, not repeating the server, up to anything quoted."""
    if not said or "ERROR:" in said[0] or not said[0].startswith(f"{program}: error: "):
        return None
    return re.sub(r'".*', '"..."', said[0].removeprefix(f"{program}: error: ")).rstrip(".")


def _ended(code: int) -> str:
    number = -code if code < 0 else code - 128
    with contextlib.suppress(ValueError):
        return f"was stopped by {signal.Signals(number).name}"
    return f"failed with exit code {code}"
