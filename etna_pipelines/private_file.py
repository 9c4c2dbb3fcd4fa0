"""Files that nobody else may read: secrets that are made once, and what is remembered."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def made_once(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`, made by `make` the first time, readable by nobody else.

    It is written aside and linked in place: of two processes that do so at once, one wins and both read it."""
    if not path.exists():
        _make(path, make())
    return path.read_text(encoding="utf-8")


def replace_private(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, in place of an older one."""
    aside = _aside(path, data)
    try:
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _aside(path: Path, data: bytes) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    aside.touch(mode=0o600, exist_ok=False)
    aside.write_bytes(data)
    return aside


def _make(path: Path, text: str) -> None:
    aside = _aside(path, f"{text}\n".encode())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
