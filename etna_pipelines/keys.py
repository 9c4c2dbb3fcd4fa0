"""The two keys: one makes pseudonyms, the other signs manifests. 32 random bytes each, written as 64 hex digits."""

import hashlib
import os
import re
import secrets
from pathlib import Path

from etna_pipelines.errors import SettingsError

HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex(32))"'


def key_id(key: bytes) -> str:
    """What manifests say of a key: enough to recognise it, nothing to find it by."""
    return hashlib.sha256(b"etna-key-id" + key).hexdigest()[:8]


def parse(text: str, where: str) -> bytes:
    """A key from its 64 hex digits; `where` is the variable or file that holds it."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text.strip()):
        raise SettingsError(f"{where} is not 64 hex digits (32 random bytes): make a key with {HOW_TO_MAKE_ONE}.")
    return bytes.fromhex(text.strip())


def kept(path: Path) -> bytes:
    """The key in `path`, made at random the first time. Only for a production that is itself made up."""
    if not path.exists():
        _make(path)
    return parse(path.read_text(), str(path))


def _make(path: Path) -> None:
    """Write a new key aside and link it in place: of two processes that do so at once, one wins and both read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    aside.touch(mode=0o600, exist_ok=False)
    aside.write_text(secrets.token_hex(32) + "\n")
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
