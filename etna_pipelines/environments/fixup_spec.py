"""What environments.yaml says under `fix_ups:`."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from etna_pipelines.strict_model import StrictModel


def _checked_table(name: str) -> str:
    if not all(name.split(".")) or name.count(".") > 1:
        raise ValueError("must be a table, such as `api_apitoken` or `public.api_apitoken`.")
    return name


def _checked_column(name: str) -> str:
    if not all(name.split(".")) or name.count(".") not in (1, 2):
        raise ValueError("must be a column with its table, such as `blog_page.link` or `public.blog_page.link`.")
    return name


TableName = Annotated[str, AfterValidator(_checked_table)]
ColumnName = Annotated[str, AfterValidator(_checked_column)]


class Superuser(StrictModel):
    """A Django superuser to sign in with, made or brought up to date. The password is the variable
    ETNA_<ENVIRONMENT>_SUPERUSER_PASSWORD. Without it, it is `admin` for local; for others it is made up once and kept
    in `superusers/<environment>` under the home."""

    username: str = Field(default="admin", min_length=1)
    email: str = "admin@example.invalid"
    table: TableName = "auth_user"
    """The table of users, where the application has its own."""
    columns: dict[str, str] = {}
    """What stands in further columns of such a table."""


class FixUps(StrictModel):
    """What a restored database needs before an environment can serve it, beside the `hosts`: in one transaction; then
    the commands."""

    rewrite: dict[ColumnName, dict[str, str]] = {}
    """By `table.column`: what stands in it, as a whole, and what it becomes."""
    hosts_in: list[ColumnName] = []
    """Columns of text or JSON in which the `hosts` are replaced wherever they stand: links."""
    keep: list[TableName] = []
    """Tables whose rows are those of the database that serves now: API tokens."""
    empty: list[TableName] = []
    """Tables to empty."""
    neutralise: bool = True
    """In a full copy, end the sessions, empty the known queues of mail and turn Wagtail's notifications off."""
    superuser: Superuser | None = None
    sql: list[str] = []
    """SQL files, beside environments.yaml. Run as the owner."""
    sequences: bool = True
    """Move every sequence past what its column holds."""
    commands: list[Annotated[list[str], Field(min_length=1)]] = []
    """Programs to run on the new database, each as its list of arguments: migrate, update_index. `{version}`,
    `{image_tag}` and `{name}` are filled in. Any exit code but 0 fails the push."""
    pass_environment: list[str] = []
    """Variables of ours that the commands find, which they would not as they may hold credentials: `AWS_*`."""
    timeout: int = Field(default=60, ge=1)
    """Minutes that each command may take."""

    @model_validator(mode="after")
    def _kept_or_emptied(self) -> Self:
        if both := set(self.keep) & set(self.empty):
            raise ValueError(f"says `{min(both)}` under `keep` and `empty`; take it out of one of them.")
        return self

    def for_feature(self, name: str) -> Self:
        """The same with `{name}` filled in in what is written into the database."""
        filled = {
            column: {old: new.replace("{name}", name) for old, new in changes.items()}
            for column, changes in self.rewrite.items()
        }
        return self.model_copy(update={"rewrite": filled})
