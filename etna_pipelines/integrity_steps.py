"""The steps that keep snapshots reliable: read again, restored in a drill, signed anew."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from etna_pipelines.environments.drill import Drilled, Drilling
from etna_pipelines.environments.start import start
from etna_pipelines.errors import (
    EtnaError,
    SnapshotDamaged,
    SnapshotMissing,
    SnapshotUnreadable,
    StoreError,
    StoreRefused,
    VerificationFailed,
)
from etna_pipelines.integrity_spec import NOWHERE
from etna_pipelines.postgres.locks import exclusive_file
from etna_pipelines.snapshots.manifest import KINDS, Kind, Manifest
from etna_pipelines.snapshots.rereading import Reread, reread, reread_share
from etna_pipelines.steps import WORKERS, Work

NAMED = 5
"""How many damaged snapshots a message tells of."""


@dataclass(frozen=True)
class IntegritySteps(Work):
    """What is done with published snapshots, beside the night."""

    def kind_of(self, id_: str) -> Kind:
        """The kind of a published snapshot. Raises SnapshotMissing; StoreRefused where it may be of a kind that these
        credentials may not list."""
        refused: StoreRefused | None = None
        for kind in KINDS:
            try:
                if id_ in self.catalogue.ids(kind):
                    return kind
            except StoreRefused as problem:
                refused = problem
        raise refused or SnapshotMissing(f"The store has no snapshot {id_}: `etna snapshots` lists those that it has.")

    def verify(self, id_: str) -> Manifest:
        """Read a published snapshot again, whole. Raises SnapshotDamaged, which is remembered."""
        return reread(self.catalogue, self.kind_of(id_), id_, self.progress)

    def verify_share(self) -> list[Reread]:
        """Read this week's share of the store again, all of it, whatever is found.

        Raises StoreError where the store fails: trying again goes on."""
        return [*reread_share(self.catalogue, self.settings.integrity.weeks, self.progress)]

    def drill(self, id_: str = "") -> Drilled | None:
        """Restore a published snapshot, or the newest full one, and drop it again. None where drills are switched off.

        Raises what Drilling.drill does."""
        settings = self.settings
        if settings.integrity.drill == NOWHERE:
            return None
        manifest = self.catalogue.read_sound(self.kind_of(id_), id_) if id_ else self.newest("full")
        with exclusive_file(settings.home / "locks" / "drill", "drill"), self._server():
            target = settings.drill
            return Drilling(
                manifest,
                target,
                self.store,
                production=None if settings.is_embedded("production") else settings.production.database,
                scratch=self.scratch,
                jobs=WORKERS,
                progress=self.progress,
            ).drill()

    @contextmanager
    def _server(self) -> Iterator[None]:
        """The embedded server for as long as the drill needs it, where nothing else does."""
        embedded = self.settings.embedded_server
        if not self.settings.drill_is_embedded:
            yield
            return
        start(embedded)
        try:
            yield
        finally:
            if not self.settings.uses_embedded_server:
                embedded.stop()

    def resign(self) -> list[str]:
        """Sign every published manifest with the newest key; the ids of those that were not. Not what is retired: its
        manifest may be about to be deleted, and must not come back.

        Raises VerificationFailed once all others are signed, where one can't be authenticated."""
        signed: list[str] = []
        problems: list[EtnaError] = []
        listed = [(kind, id_) for kind in KINDS for id_ in self.catalogue.ids(kind)]
        for kind, id_ in listed:
            try:
                if self.catalogue.sign_anew(kind, id_):
                    signed.append(id_)
            except (SnapshotDamaged, SnapshotUnreadable) as problem:
                problems.append(problem)
        if problems:
            raise VerificationFailed(f"{len(problems)} of {len(listed)} manifests were not signed: {_told(problems)}")
        return signed

    def of_old_keys(self) -> list[str]:
        """Ids of what `resign` leaves alone and an old key signed: retired snapshots, which prune can't read without it
        and would never delete, and drafts of runs."""
        newest, *old = self.settings.signing_keys().ids
        if not old:
            return []
        catalogue = self.catalogue
        listed = [(kind, {*catalogue.ids(kind)}) for kind in KINDS]
        left = [(kind, id_) for kind, published in listed for id_ in catalogue.folders(kind) if id_ not in published]
        found: list[str] = []
        for kind, id_ in left:
            with suppress(SnapshotMissing, SnapshotDamaged, SnapshotUnreadable):  # what no key here opens needs none
                try:
                    manifest = catalogue.read(kind, id_)
                except SnapshotMissing:
                    manifest = catalogue.read_draft(kind, id_)
                if manifest.signed_by != newest:
                    found.append(id_)
        return found


def refuse_unsound(read: Sequence[Reread]) -> None:
    """Raise VerificationFailed, naming the damaged ones, unless all that was read is what was published; StoreError
    where only the store was in the way."""
    problems = [each.problem for each in read if each.problem]
    if not problems:
        return
    if all(isinstance(problem, StoreError) and problem.retryable for problem in problems):
        raise problems[0]
    raise VerificationFailed(
        f"{len(problems)} of the {len(read)} snapshots that were read again can't be relied on: {_told(problems)}"
    )


def _told(problems: Sequence[EtnaError]) -> str:
    more = [f"And {len(problems) - NAMED} more: `etna snapshots` lists them."] if len(problems) > NAMED else []
    return " ".join([*map(str, problems[:NAMED]), *more])
