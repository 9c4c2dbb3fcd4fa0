"""The two keys: one makes pseudonyms, the other signs manifests. 32 random bytes each, written as 64 hex digits.

A key may have a name, `2026:<64 hex digits>`: manifests tell it, and another key under the same name is refused.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from etna_pipelines.errors import SettingsError
from etna_pipelines.private_file import made_once

if TYPE_CHECKING:
    from etna_pipelines.snapshots.manifest import RulesUsed

_KEY = re.compile(r"(?:(?P<name>[\w.\-]{1,64}):)?(?P<digits>[0-9A-Fa-f]{64})")
_BETWEEN = re.compile(r"[\s,]+")
HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex(32))"'


def key_id(key: bytes) -> str:
    """What manifests say of a key: enough to recognise it, nothing to find it by."""
    return hashlib.sha256(b"etna-key-id" + key).hexdigest()[:8]


@dataclass(frozen=True)
class SigningKeys:
    """The key that signs manifests, and older ones, which still tell that a manifest is ours."""

    newest: bytes = field(repr=False)
    old: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def all(self) -> tuple[bytes, ...]:
        """The newest first."""
        return (self.newest, *self.old)

    @property
    def ids(self) -> list[str]:
        return [key_id(key) for key in self.all]

    def of(self, id_: str) -> tuple[bytes, ...]:
        """Those that an id may stand for: one or none; all of them where a manifest names no key."""
        return tuple(key for key in self.all if id_ in ("", key_id(key)))


def parse(text: str, where: str) -> bytes:
    """A key from its 64 hex digits, with a name before them or not; `where` is the variable or file that holds it."""
    match = _KEY.fullmatch(text.strip())
    if not match:
        raise SettingsError(
            f"{where} is not 64 hex digits (32 random bytes), nor `name:` and such digits: "
            f"make a key with {HOW_TO_MAKE_ONE}."
        )
    return bytes.fromhex(match["digits"])


def parse_several(text: str, where: str) -> tuple[bytes, ...]:
    """Keys with commas or blanks between them."""
    each = filter(None, _BETWEEN.split(text))
    return tuple(parse(one, f"Key {number} of {where}") for number, one in enumerate(each, 1))


def name_of(text: str) -> str:
    """The name that stands before a key; empty where none does."""
    match = _KEY.fullmatch(text.strip())
    return match["name"] or "" if match else ""


def refuse_another(name: str, key: bytes, used: "RulesUsed | None") -> None:
    """Raises SettingsError where the last strip used another key under the same name: its pseudonyms would change."""
    if name and used and used.key_name == name and used.key_id != key_id(key):
        raise SettingsError(
            f"ETNA_MASKING_KEY is named `{name}` and is not the key that the newest stripped snapshot was made with "
            "under that name: set the right key, or give this one a name of its own."
        )


def kept(path: Path) -> bytes:
    """The key in `path`, made at random the first time. Only for a production that is itself made up."""
    return parse(made_once(path, lambda: secrets.token_hex(32)), str(path))
