"""Files that hold a secret, made once."""

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


def _make(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    aside.touch(mode=0o600, exist_ok=False)
    aside.write_text(f"{text}\n", encoding="utf-8")
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
