"""Making a release: the next version's tag, by a workflow of the application's repository.

What is asked for is kept in the store, `releases/<version>.json`, before it is asked: a lost reply or a killed process
goes on with it and never makes a second tag.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from etna_pipelines.errors import GitHubError, LostReply, ReleaseFailed, StoreError
from etna_pipelines.redeploy.waiting import LOOKING, wait_for
from etna_pipelines.releases.calver import CalVer, following, newest
from etna_pipelines.releases.spec import ReleasesSpec
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.github.answers import WorkflowRun
    from etna_pipelines.github.client import GitHub

NEWEST_RUNS = 20
"""Runs among which one that was just asked for is looked for."""


class Creation(BaseModel):
    """A release that was asked for."""

    model_config = ConfigDict(frozen=True)

    version: str
    asked: datetime
    newest: str | None
    """The newest version before it."""
    run_before: int
    """The newest run before it; those of the workflow's that are asked for get greater ids."""
    run: int | None = None
    """None until it is known."""
    made: bool = False


@dataclass(frozen=True)
class Creating:
    """What making a release works with."""

    github: "GitHub"
    spec: ReleasesSpec
    store: Store
    pause: float = 5.0
    """Seconds between two looks at the run."""
    looking: float = LOOKING
    """Seconds within which a run that was asked for, and the tag it made, are listed."""

    def create(self, version: str = "") -> CalVer:
        """Make the tag of a version, or of the next one, and see it through. What was asked for before and did not come
        to its end is gone on with. For one at a time.

        Raises ReleaseFailed where the version is none or is there already, and where no tag was made; GitHubError."""
        going = self._unfinished()
        if going and version and CalVer.parse(version) != CalVer.parse(going.version):
            raise ReleaseFailed(f"{going.version} was asked for and has not come to its end: run `etna release` first.")
        run = self._found(going) if going else None
        if going and run is None:
            self._forget(going)  # killed right before it was asked for
        if going is None or run is None:
            going, run = self._asked(version)
        return self._followed(going, run)

    def _asked(self, version: str) -> tuple[Creation, "WorkflowRun"]:
        going = self._new(version)
        self._claim(going)
        inputs = {name: text.replace("{version}", going.version) for name, text in self.spec.inputs.items()}
        try:
            run = self.github.dispatch_workflow(self.spec.workflow, self.spec.ref, inputs)
        except LostReply:
            run = None  # it may have arrived
        except GitHubError:
            self._forget(going)
            raise
        going = going.model_copy(update={"run": run})
        self._keep(going)
        if found := self._found(going):
            return going, found
        self._forget(going)
        raise ReleaseFailed(
            f"GitHub did not say whether it began `{self.spec.workflow}` of {self.github.repository}, and shows no run "
            "of it: try again."
        )

    def _new(self, version: str) -> Creation:
        tags = [tag.name for tag in self.github.tags()]
        wanted = CalVer.parse(version) if version else following(tags, datetime.now(UTC))
        if wanted is None:
            raise ReleaseFailed(f"`{version}` is no version: write it as 26.08.21.2215, or leave it out.")
        if wanted in map(CalVer.parse, tags):
            raise ReleaseFailed(f"{wanted.tag} is there already: name another version, or leave it out.")
        before, runs = newest(tags), self.github.workflow_runs(self.spec.workflow, newest=1)
        return Creation(
            version=str(wanted),
            asked=datetime.now(UTC),
            newest=str(before) if before else None,
            run_before=runs[0].id if runs else 0,
        )

    def _found(self, going: Creation) -> "WorkflowRun | None":
        """The run that was asked for, by what GitHub said or by being the first since."""
        if going.run is not None:
            return self.github.run(going.run)

        def first() -> "WorkflowRun | None":
            runs = self.github.workflow_runs(self.spec.workflow, event="workflow_dispatch", newest=NEWEST_RUNS)
            return min((run for run in runs if run.id > going.run_before), key=lambda run: run.id, default=None)

        return wait_for(first, self.looking, self.pause)

    def _followed(self, going: Creation, run: "WorkflowRun") -> CalVer:
        def ended() -> "WorkflowRun | None":
            now = self.github.run(run.id)
            return now if now.is_over else None

        over = wait_for(ended, self.spec.patience * 60, self.pause)
        if over is None:
            raise ReleaseFailed(
                f"`{self.spec.workflow}` has not made {going.version} within {self.spec.patience} minutes: look at "
                f"{run.url}, then run `etna release` again, which goes on with it."
            )
        made = wait_for(lambda: self._tag(going), self.looking, self.pause) if over.succeeded else None
        if made is None:
            self._forget(going)
            outcome = "made no tag" if over.succeeded else f"ended as `{over.conclusion}`"
            raise ReleaseFailed(f"`{self.spec.workflow}`, asked for {going.version}, {outcome}: read {over.url}.")
        self._keep(going.model_copy(update={"run": run.id, "made": True}))
        return made

    def _tag(self, going: Creation) -> CalVer | None:
        """The version that was made: the one that was asked for, or what a workflow that counts by itself came to."""
        tags = [tag.name for tag in self.github.tags()]
        wanted = CalVer.parse(going.version)
        if wanted in map(CalVer.parse, tags):
            return wanted
        if any("{version}" in text for text in self.spec.inputs.values()):
            return None
        now = newest(tags)
        return now if str(now) != str(going.newest) else None

    def _unfinished(self) -> Creation | None:
        return next((going for going in self._kept() if not going.made), None)

    def _kept(self) -> Sequence[Creation]:
        return [self._read(item.key) for item in self.store.list("releases/")]

    def _read(self, key: str) -> Creation:
        try:
            return Creation.model_validate_json(b"".join(self.store.read(key)))
        except ValidationError:
            raise StoreError(f"{self.store.location(key)} is no record of a release: delete it.") from None

    def _claim(self, going: Creation) -> None:
        """Keep it, unless another machine does so at the same time: then StoreRefused."""
        if any(kept.made and kept.version == going.version for kept in self._kept()):
            self._forget(going)  # its tag is not there any more
        self.store.put_if_absent(_key(going), _bytes(going))

    def _keep(self, going: Creation) -> None:
        self.store.put(_key(going), [_bytes(going)])

    def _forget(self, going: Creation) -> None:
        self.store.delete([_key(going)])


def _key(going: Creation) -> str:
    return f"releases/{going.version}.json"


def _bytes(going: Creation) -> bytes:
    return going.model_dump_json(indent=1).encode()
