"""What is done with releases of the application: make one, see which are published, rehearse one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from etna_pipelines.environments import history
from etna_pipelines.environments.awake import await_awake
from etna_pipelines.environments.start import start_embedded
from etna_pipelines.errors import ReleaseFailed, SettingsError
from etna_pipelines.postgres.locks import exclusive_file
from etna_pipelines.releases.calver import CalVer
from etna_pipelines.settings_file import Staging
from etna_pipelines.steps import WORKERS, Work

if TYPE_CHECKING:
    from etna_pipelines.releases.rehearsal import Rehearsal

TWO = 2
"""Records that are looked at: a release that failed may have been rolled back."""


@dataclass(frozen=True)
class News:
    """What was published, and staging has not had yet."""

    seen: str | None
    """What the next look begins with."""
    says: str
    version: str | None = None
    """The release that staging is to have now."""
    key: str = ""
    """The same for an hour: one try each."""
    with_data: bool = False
    """Whether with the newest data, too."""


@dataclass(frozen=True)
class ReleaseSteps(Work):
    """The application's releases. Staging has one before production does."""

    def create_release(self, version: str = "") -> str:
        """Make the tag of the next version, or of the one named; returns the version. One that was asked for before and
        did not come to its end is gone on with. Raises ReleaseFailed, GitHubError, LockHeld."""
        from etna_pipelines.releases.creation import Creating

        with (
            exclusive_file(self.settings.home / "locks" / "release", "release"),
            self.settings.open_github() as github,
        ):
            return str(Creating(github, self.settings.releases, self.store).create(version))

    def newest_published(self, after: str = "") -> str | None:
        """The newest published release that staging can have, where it is newer than the version `after`. Raises
        GitHubError."""
        from etna_pipelines.releases.published import newest_release

        with self.settings.open_github() as github:
            newest = newest_release(github, self.settings.releases.build)
        known = CalVer.parse(after)
        return str(newest) if newest and (known is None or newest > known) else None

    def news(self, seen: str | None, now: datetime | None = None) -> News:
        """The newest release that was published since a look that had `seen`, until staging had it: whether that went
        well or not, only not where nothing came of it. What is there at the very first look (None) was there before.
        Raises GitHubError."""
        staging = self.settings.sections.get("staging")
        if not self.settings.github or not isinstance(staging, Staging) or staging.release == "nothing":
            return News(seen, "environments.yaml has no `github`, or says that no release starts anything.")
        newest = self.newest_published(seen or "")
        if seen is None:
            seen = newest or "no release"
            return News(seen, f"{seen} was there before anybody looked.")
        if newest is None:
            return News(seen, f"None was published since {seen}.")
        records = [*islice(history.newest_first(self.settings.records("staging", self.store), "staging"), TWO)]
        if _had(CalVer.parse(newest), records):
            return News(newest, f"Staging had {newest}: `etna redeploy staging --version {newest}` repeats it.")
        with_data = staging.release == "refresh" and not (records and records[0].push.version == newest)
        if not with_data and (staging.redeploy is None or not records):
            return News(seen, "environments.yaml names no way to redeploy staging, or nothing was pushed there yet.")
        key = f"{newest}@{now or datetime.now(UTC):%Y-%m-%d %H}"
        return News(seen, f"{newest} was published.", newest, key, with_data)

    def rehearse(self, version: str) -> "Rehearsal":
        """Run a release's migrations on the newest snapshot that staging may hold, in a private database beside it that
        is dropped afterwards; what was found is kept in the store.

        Migrations that fail are a finding: see `refuse_failed`. Raises ReleaseFailed, PushRefused, LockHeld."""
        from etna_pipelines.releases.rehearsing import Rehearsing

        wanted, spec = CalVer.parse(version), self.settings.releases
        if wanted is None:
            raise ReleaseFailed(f"`{version}` is no version: write it as 26.08.21.2215.")
        if not spec.migrate:
            raise SettingsError(
                "`releases` has no `migrate` in environments.yaml: give it the program that migrates a database, as in "
                "`[docker, run, ..., image:{version}, python, manage.py, migrate]`."
            )
        start_embedded(self.settings)
        staging = self.settings.environment("staging")
        await_awake(staging, self.progress)
        return Rehearsing(
            self.newest(staging.snapshot or "stripped"),
            staging,
            str(wanted),
            spec.migrate,
            self.store,
            self.settings.home,
            timedelta(minutes=spec.longest),
            WORKERS,
            self.progress,
            spec.pass_environment,
        ).rehearse()


def _had(release: CalVer | None, records: list[history.Record]) -> bool:
    """Whether a release, or a newer one, was redeployed to a known end, good or bad."""
    outcomes = [record.redeploy for record in records if record.redeploy]
    ended = [outcome.failed for outcome in outcomes]
    ended += [outcome.last_good.wanted for outcome in outcomes if outcome.last_good]
    versions = [version for name in ended if (version := CalVer.parse(name or ""))]
    return release is not None and any(version >= release for version in versions)
