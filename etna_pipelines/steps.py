"""The steps from production to a stripped snapshot, one method each, and what all steps share.

What follows is in push_steps.py (into an environment), feature_steps.py (environments that come and go) and
release_steps.py."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from etna_pipelines import keys
from etna_pipelines.environments.start import start_embedded
from etna_pipelines.errors import SnapshotDamaged, SnapshotMissing, StoreRefused
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.locks import exclusive_file
from etna_pipelines.progress import Progress, silent
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Kind, Manifest
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.stores.store import Store

WORKERS = 2
"""Connections of a backup and a restore, threads of a strip."""


@dataclass(frozen=True)
class Work:
    """What every step works with."""

    settings: Settings
    store: Store
    progress: Progress = silent

    @cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.store, self.settings.signing_keys())

    @property
    def scratch(self) -> Path:
        return self.settings.home / "scratch"

    def newest(self, kind: Kind) -> Manifest:
        """The newest whole snapshot of a kind. Raises SnapshotMissing."""
        found = self.catalogue.newest(kind)
        if found is None:
            raise SnapshotMissing(f"{self.store.location()} has no {kind} snapshot yet: run the job `nightly` first.")
        return found

    def subset(self, stripped: Manifest, subset: Subset) -> Manifest:
        """A subset of a published stripped snapshot: the one that was made before, or a new one, published too."""
        from etna_pipelines.snapshots.subset import make_subset

        made = self.catalogue.newest_subset(subset.digest(stripped.id))
        if made:
            return made
        draft = make_subset(stripped, self.store, subset, workers=WORKERS, progress=self.progress)
        reached(FaultPoint.SUBSET_WRITTEN)
        try:
            self.catalogue.read_back(draft, self.progress)
        except BaseException:
            self.catalogue.discard(draft)
            raise
        return self.catalogue.publish(draft)


@dataclass(frozen=True)
class Steps(Work):
    """Production -> full snapshot -> stripped snapshot."""

    def back_up(self) -> Manifest:
        """Dump production into the store, as a draft. Whatever else the night needs is asked for before it begins."""
        from etna_pipelines.anonymise.rules import (
            rules,  # here and below: what compiles kernels takes a second to import
        )

        self._masking_key()
        self.settings.refuse_unreadable()
        rules.load(self.settings.rules)
        start_embedded(self.settings)
        with suppress(StoreRefused):  # who may not delete leaves that to the pruner
            self.catalogue.sweep()
        production = self.settings.production
        draft = backup(
            production.database,
            self.store,
            environment=production.name,
            scratch=self.scratch,
            jobs=WORKERS,
            progress=self.progress,
        )
        try:
            self.catalogue.save_draft(draft)
        except BaseException:
            self.catalogue.discard(draft)
            raise
        reached(FaultPoint.BACKUP_DRAFT_SAVED)
        return draft

    def check_backup(self, id_: str) -> Manifest:
        """Read a backup's files back. A damaged one is removed before SnapshotDamaged is raised."""
        try:
            draft = self.catalogue.read_draft("full", id_)
        except SnapshotMissing:
            draft = self.catalogue.read("full", id_)  # published before: the step is run again
            self.catalogue.read_back(draft, self.progress)
            return draft
        try:
            self.catalogue.read_back(draft, self.progress)
        except SnapshotDamaged:
            self.catalogue.discard(draft)
            raise
        reached(FaultPoint.BACKUP_READ_BACK)
        return draft

    def _masking_key(self) -> bytes:
        """The masking key. Raises SettingsError where the newest stripped snapshot that can be read says that its name
        is another's."""
        key, name = self.settings.masking_key(), self.settings.masking_key_name()
        newest = next(self.catalogue.trusted("stripped"), None) if name else None
        keys.refuse_another(name, key, newest.rules if newest else None)
        return key

    def strip(self, id_: str) -> Manifest:
        """Strip a full snapshot and prove the result: a draft that holds its proof, passed or not."""
        from etna_pipelines.anonymise.engine import strip
        from etna_pipelines.anonymise.proof.proof import prove
        from etna_pipelines.anonymise.rules import rules

        masking_key = self._masking_key()
        full = self.catalogue.read_sound("full", id_)
        used = rules.load(self.settings.rules)
        with exclusive_file(self.settings.home / "locks" / "strip", "strip"):
            reached(FaultPoint.STRIP_LOCKED)
            stripped = strip(
                full,
                self.store,
                used,
                masking_key=masking_key,
                workers=WORKERS,
                progress=self.progress,
            )
            try:
                proof = prove(stripped, self.store, used.public, progress=self.progress)
            except BaseException:
                self.catalogue.discard(stripped.draft)
                raise
        reached(FaultPoint.STRIP_PROVEN)
        return self._named(stripped.draft.model_copy(update={"proof": proof}))

    def _named(self, draft: Manifest) -> Manifest:
        """With the name of the masking key."""
        named = draft.rules and draft.rules.model_copy(update={"key_name": self.settings.masking_key_name()})
        return draft.model_copy(update={"rules": named})

    def report(self, stripped: Manifest) -> Path:
        """Write the page that tells what is in a stripped snapshot, published or refused; `.etna/reports` has it."""
        from etna_pipelines.anonymise.help.report import page

        try:
            full = self.catalogue.read("full", stripped.parent or "")
        except SnapshotMissing:  # or it is a part of another stripped one
            full = None
        path = self.settings.home / "reports" / f"{stripped.id}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(stripped, full), encoding="utf-8")
        return path

    def publish(self, draft: Manifest) -> Manifest:
        """Make a draft a snapshot. What a failed proof refuses is removed before ProofFailed is raised."""
        if draft.proof and not draft.proof.passed:
            self.catalogue.discard(draft)
            from etna_pipelines.anonymise.proof.proof import refuse_failed

            refuse_failed(draft.proof)
        return self.catalogue.publish(draft)
