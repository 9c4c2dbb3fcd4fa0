"""What environments.yaml says under `fix_ups:`."""

from etna_pipelines.strict_model import StrictModel


class Superuser(StrictModel):
    """A Django superuser to sign in with. The password is the variable ETNA_<ENVIRONMENT>_SUPERUSER_PASSWORD, or is
    made up and kept in a private file under the home."""

    username: str = "admin"
    email: str = "admin@example.invalid"


class FixUps(StrictModel):
    """What a restored database needs before an environment can serve it, in this order, in one transaction; then the
    commands."""

    rewrite: dict[str, dict[str, str]] = {}
    """By `table.column`: what stands in it and what it becomes, beside the `hosts`."""
    keep: list[str] = []
    """Tables whose rows are those of the database that serves now: API tokens."""
    empty: list[str] = []
    """Tables to empty: sessions, queues of mail."""
    superuser: Superuser | None = None
    sql: list[str] = []
    """SQL files, beside environments.yaml."""
    sequences: bool = True
    """Move every sequence past what its column holds."""
    commands: list[list[str]] = []
    """Programs to run on the new database, each as its list of arguments: migrate, update_index. Any exit code but 0
    fails the push."""
