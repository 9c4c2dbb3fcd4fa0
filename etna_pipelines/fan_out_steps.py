"""The steps of a strip that is shared out, one method each: what anonymise/fan_out.py does, for the configured store,
rules and key. Values handed on are ids: `<full>/<draft>` for the strip, `<full>/<draft>/<number>` for a part."""

from typing import TYPE_CHECKING

from etna_pipelines.errors import SnapshotMissing
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import Steps

if TYPE_CHECKING:
    from etna_pipelines.anonymise.fan_out import FanOut


class FanOutSteps(Steps):
    """Full snapshot -> stripped snapshot, on as many machines as there are."""

    def begin(self, full: str) -> tuple[str, list[str]]:
        """Refuse what can't be stripped; share out what has to be known before anything is masked."""
        self._masking_key()
        work = self._work_on(self.catalogue.read_sound("full", full))
        draft = work.begin(self.settings.growing.part)
        return f"{full}/{draft}", self._parts(f"{full}/{draft}", work.parts_to_read_first(draft))

    def read_first(self, part: str) -> None:
        full, draft, number = part.split("/")
        self._work(full).read_first(draft, int(number))

    def gather(self, strip: str) -> list[str]:
        """What is known of all; share out the strip."""
        full, draft = strip.split("/")
        work = self._work(full)
        work.gather(draft)
        return self._parts(strip, work.parts_to_strip(draft))

    def strip_part(self, part: str) -> None:
        full, draft, number = part.split("/")
        self._work(full).strip(draft, int(number))

    def assemble(self, strip: str) -> list[str]:
        """The finished archive; share out its proof."""
        full, draft = strip.split("/")
        work = self._work(full)
        work.assemble(draft)
        return self._parts(strip, work.parts_to_prove(draft))

    def prove_part(self, part: str) -> None:
        full, draft, number = part.split("/")
        self._work(full).prove(draft, int(number))

    def conclude(self, strip: str) -> Manifest:
        """The draft with its proof, passed or not, kept for whoever publishes it."""
        full, draft = strip.split("/")
        done = self._named(self._work(full).conclude(draft))
        self.catalogue.save_draft(done)
        return done

    def concluded(self, strip: str) -> Manifest:
        """What `conclude` kept; the snapshot itself once it is published."""
        draft = strip.split("/")[1]
        try:
            return self.catalogue.read_draft("stripped", draft)
        except SnapshotMissing:
            return self.catalogue.read("stripped", draft)

    def publish_draft(self, strip: str) -> Manifest:
        """Publish it, or remove what a failed proof refuses. What was left for one another goes in any case."""
        from etna_pipelines.anonymise.workroom import clear

        try:
            return self.publish(self.concluded(strip))  # the same again, where the step is run again
        finally:
            clear(self.store, *strip.split("/"))

    def _parts(self, strip: str, count: int) -> list[str]:
        return [f"{strip}/{number}" for number in range(count)]

    def _work(self, full: str) -> "FanOut":
        return self._work_on(self.catalogue.read("full", full))

    def _work_on(self, full: Manifest) -> "FanOut":
        from etna_pipelines.anonymise.fan_out import FanOut
        from etna_pipelines.anonymise.rules import rules

        return FanOut(
            full,
            self.store,
            rules.load(self.settings.rules),
            self.settings.masking_key(),
            self.progress,
        )
