"""The two keys: one makes pseudonyms, the other signs manifests. 32 random bytes each, written as 64 hex digits.

A key may have a name, `2026:<64 hex digits>`: manifests tell it, and another key under the same name is refused.
"""

import hashlib
import re
import secrets
from pathlib import Path

from etna_pipelines.errors import SettingsError
from etna_pipelines.private_file import made_once
from etna_pipelines.snapshots.manifest import RulesUsed

_KEY = re.compile(r"(?:(?P<name>[\w.\-]{1,64}):)?(?P<digits>[0-9A-Fa-f]{64})")
HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex(32))"'


def key_id(key: bytes) -> str:
    """What manifests say of a key: enough to recognise it, nothing to find it by."""
    return hashlib.sha256(b"etna-key-id" + key).hexdigest()[:8]


def parse(text: str, where: str) -> bytes:
    """A key from its 64 hex digits, with a name before them or not; `where` is the variable or file that holds it."""
    match = _KEY.fullmatch(text.strip())
    if not match:
        raise SettingsError(
            f"{where} is not 64 hex digits (32 random bytes), nor `name:` and such digits: "
            f"make a key with {HOW_TO_MAKE_ONE}."
        )
    return bytes.fromhex(match["digits"])


def name_of(text: str) -> str:
    """The name that stands before a key; empty where none does."""
    match = _KEY.fullmatch(text.strip())
    return match["name"] or "" if match else ""


def refuse_another(name: str, key: bytes, used: RulesUsed | None) -> None:
    """Raises SettingsError where the last strip used another key under the same name: its pseudonyms would change."""
    if name and used and used.key_name == name and used.key_id != key_id(key):
        raise SettingsError(
            f"ETNA_MASKING_KEY is named `{name}` and is not the key that the newest stripped snapshot was made with "
            "under that name: set the right key, or give this one a name of its own."
        )


def kept(path: Path) -> bytes:
    """The key in `path`, made at random the first time. Only for a production that is itself made up."""
    return parse(made_once(path, lambda: secrets.token_hex(32)), str(path))
