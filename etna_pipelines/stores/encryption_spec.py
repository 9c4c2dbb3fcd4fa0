"""`encryption` in environments.yaml: whom the archives of snapshots are encrypted to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, field_validator

from etna_pipelines.snapshots.manifest import KINDS, Kind
from etna_pipelines.stores.age_keys import IDENTITY, Identity, Recipient
from etna_pipelines.strict_model import StrictModel
from etna_pipelines.yaml_file import YamlFile

Names = Annotated[list[str], BeforeValidator(lambda names: [names] if isinstance(names, str) else names)]


class Encryption(StrictModel):
    """Recipients (`age1...`) of each kind of snapshot, or files with one a line."""

    full: Names
    stripped: Names = []

    @field_validator("full")
    @classmethod
    def _somebody(cls, names: list[str]) -> list[str]:
        if not names:
            raise ValueError(
                "must name somebody who can open what is encrypted: an `age1...` that `age-keygen` prints."
            )
        return names

    def recipients(self, file: YamlFile, base: Path) -> "Recipients":
        """With the files read, which stand beside the settings file. Raises SettingsError with the line."""
        full = _parsed(file, "full", self.full, base)
        team = _parsed(file, "stripped", self.stripped, base)
        return Recipients(full, _distinct([*team, *full]) if team else ())


@dataclass(frozen=True)
class Recipients:
    """Who can open what. Whoever can open full snapshots can open stripped ones, too."""

    full: Sequence[Recipient] = ()
    stripped: Sequence[Recipient] = ()

    def of(self, key: str) -> Sequence[Recipient]:
        """Of an object: of all that belongs to snapshots but JSON. Manifests and what else is known of a snapshot hold
        no value, and are read by those, too, who may not open its files."""
        kind, _, rest = key.partition("/")
        if kind not in KINDS or rest.endswith(".json"):
            return ()
        return self.full if kind == "full" else self.stripped

    def opened_by(self, identities: Sequence[Identity]) -> list[Kind]:
        """The kinds of snapshots made from now on whose archives are opened by one of these, or are not encrypted."""
        ours = {identity.recipient for identity in identities}
        whose: dict[Kind, Sequence[Recipient]] = {"full": self.full, "stripped": self.stripped}
        return [kind for kind, recipients in whose.items() if not recipients or ours.intersection(recipients)]


def _parsed(file: YamlFile, kind: str, names: Sequence[str], base: Path) -> Sequence[Recipient]:
    found = []
    for number, name in enumerate(names):
        place = ("encryption", kind, number)
        if name.startswith("age1"):
            found.append(_recipient(file, place, name, "this"))
            continue
        if name.upper().startswith(IDENTITY):
            raise file.mistake(place, "this is an identity, which is secret; name its recipient (`age-keygen -y`).")
        path = base / Path(name).expanduser()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise file.mistake(place, f"{path} is no file of recipients; name one, or an `age1...`.") from None
        written = [(line, text.strip()) for line, text in enumerate(lines, 1) if text.strip()[:1] not in ("", "#")]
        if not written:
            raise file.mistake(place, f"{path} names nobody; write an `age1...` into it, one a line.")
        found += [_recipient(file, place, text, f"line {line} of {path}") for line, text in written]
    return _distinct(found)


def _recipient(file: YamlFile, place: tuple[str | int, ...], text: str, what: str) -> Recipient:
    try:
        return Recipient.parse(text)
    except ValueError as problem:
        raise file.mistake(
            place, f"{what} {problem}; copy the `age1...` (62 letters, no other kind) that `age-keygen` printed."
        ) from None


def _distinct(recipients: Sequence[Recipient]) -> Sequence[Recipient]:
    return tuple(dict.fromkeys(recipients))
