"""Pages that GitHub answered with an ETag. Asking whether one still holds costs nothing of the rate limit (304)."""

import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

SLOTS = 4096
"""Files at most: pages that fall into the same one replace each other."""


@dataclass(frozen=True)
class Page:
    """One page of an answer."""

    url: str
    etag: str
    next: str | None
    """Where the next one is. Kept here, because a 304 need not say it again."""
    body: str


class Memory:
    """Pages in a directory, one file each, for this account alone. What can't be read or written is forgotten."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def recall(self, url: str) -> Page | None:
        try:
            page = Page(**json.loads(self._slot(url).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return page if page.url == url else None

    def keep(self, page: Page) -> None:
        slot = self._slot(page.url)
        aside = slot.with_name(f".{slot.name}.{secrets.token_hex(4)}")  # others may write the same page now
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                aside.touch(mode=0o600, exist_ok=False)
                aside.write_text(json.dumps(asdict(page)), encoding="utf-8")
                aside.replace(slot)
            finally:
                aside.unlink(missing_ok=True)

    def _slot(self, url: str) -> Path:
        digest = hashlib.blake2b(url.encode(), digest_size=8).digest()
        return self._directory / f"{int.from_bytes(digest) % SLOTS:03x}.json"
