"""SQL files of the environment's own, each run whole inside the transaction of the fix-ups."""

from pathlib import Path

from psycopg import generators
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from etna_pipelines.environments.fixups.tables import PLAIN, Connection
from etna_pipelines.errors import FixUpFailed
from etna_pipelines.postgres.server import reason

_COPYING = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)


def run_file(connection: Connection, path: Path) -> None:
    """Run a file's statements in the transaction that is open. Raises FixUpFailed with the line or the statement's
    number, and where the file ended the transaction."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FixUpFailed(f"{path} cannot be read as UTF-8 text ({type(error).__name__}).") from None
    transaction = _transaction(connection)
    _execute(connection, path, text)
    same = connection.info.transaction_status == TransactionStatus.INTRANS and _transaction(connection) == transaction
    if not same:
        raise FixUpFailed(f"{path} ends the transaction that all fix-ups share: take its COMMIT or ROLLBACK out.")
    connection.execute("RESET ALL; RESET ROLE")  # of what the file set, such as search_path
    connection.execute(PLAIN)


def _execute(connection: Connection, path: Path, text: str) -> None:
    """By the simple protocol, which takes many statements at once and gives a result for each."""
    connection.pgconn.send_query(text.encode())
    for number, result in enumerate(connection.wait(generators.execute(connection.pgconn)), 1):
        if result.status in _COPYING:
            connection.close()  # it waits for rows that nobody has
            raise FixUpFailed(f"statement {number} of {path} is a COPY through the client: write INSERTs.")
        if result.status == ExecStatus.FATAL_ERROR:
            error = error_from_result(result)
            position = error.diag.statement_position
            where = f"line {text.count(chr(10), 0, int(position) - 1) + 1}" if position else f"statement {number}"
            raise FixUpFailed(f"{where} of {path} failed: {reason(error)}.")


def _transaction(connection: Connection) -> object:
    row = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
    return row and row[0]
