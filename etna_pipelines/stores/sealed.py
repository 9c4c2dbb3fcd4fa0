"""A store whose archives are encrypted before they leave this machine: each file an age file of its own.

Everything else about snapshots stays as it is: manifests and records are readable, and the sizes and SHA-256 that they
tell are those of the plain files. Files that were put before encryption was configured stay readable.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from etna_pipelines.errors import ObjectMissing, ObjectSealed, SnapshotDamaged, StoreRefused
from etna_pipelines.stores import age
from etna_pipelines.stores.age_keys import MAGIC, Identity, Recipient
from etna_pipelines.stores.identities import not_for_us
from etna_pipelines.stores.store import Store, StoredObject, checked_end

REMEMBERED = 10_000
"""Files whose headers are kept, for reads of their parts."""


@dataclass(frozen=True)
class _Sealed:
    """What is known of an encrypted file: how to open it, its bytes as stored and as read."""

    opened: age.Opened
    stored: int
    plain: int


class SealedStore:
    """`store`, in which what is put under a key is encrypted to `recipients_for(key)`, if any.

    Reads open it with `identities`. They raise ObjectSealed where none of them fits, and SnapshotDamaged where a file
    is not what was encrypted: cut, changed or in another order."""

    def __init__(
        self, store: Store, recipients_for: Callable[[str], Sequence[Recipient]], identities: Sequence[Identity]
    ) -> None:
        self._store = store
        self._recipients_for = recipients_for
        self._identities = identities
        self._known: dict[str, _Sealed | None] = {}
        self._lock = threading.Lock()

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Returns the bytes that were given, which are what a read gives back."""
        recipients = self._recipients_for(key)
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                size += len(chunk)
                yield chunk

        self._store.put(key, age.encrypt(counted(), recipients) if recipients else counted())
        self._forget([key])
        return size

    def put_if_absent(self, key: str, data: bytes) -> None:
        recipients = self._recipients_for(key)
        if not recipients:
            self._store.put_if_absent(key, data)
            return
        try:
            self._store.put_if_absent(key, b"".join(age.encrypt([data], recipients)))
        except StoreRefused:
            # Encrypted twice, the same data is not the same bytes.
            if not self._holds(key, data):
                raise

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if offset or length is not None:
            yield from self._read_part(key, offset, length)
            return
        chunks = self._store.read(key)
        beginning = _beginning(chunks)
        whole = chain([beginning], chunks) if beginning else chunks
        if not beginning.startswith(MAGIC):
            yield from whole
            return
        with self._telling(key):
            yield from age.decrypt(whole, self._identities)

    def copy(self, source: str, target: str) -> None:
        """Inside the store where neither is encrypted. Else the bytes pass through here, to be encrypted to the
        target's recipients: whose the source was can't be told from it."""
        if self._recipients_for(target) or self._recipients_for(source) or self._sealed(source):
            self.put(target, self.read(source))
        else:
            self._store.copy(source, target)
            self._forget([target])

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects with their bytes as stored: an encrypted one has some more than a read gives."""
        return self._store.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        return self._store.folders(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        keys = [*keys]
        self._forget(keys)
        self._store.delete(keys)

    def sweep(self) -> None:
        self._store.sweep()

    def location(self, key: str = "") -> str:
        return self._store.location(key)

    def _read_part(self, key: str, offset: int, length: int | None) -> Iterator[bytes]:
        sealed = self._sealed(key)
        if sealed is None:
            yield from self._store.read(key, offset, length)
            return
        end = checked_end(self.location(key), sealed.plain, offset, length)
        if offset == end:
            return
        first, after = offset // age.CHUNK, -(-end // age.CHUNK)
        start = sealed.opened.start + first * age.SEALED
        stop = min(sealed.opened.start + after * age.SEALED, sealed.stored)
        skipped, left = offset % age.CHUNK, end - offset
        with self._telling(key):
            stored = self._store.read(key, start, stop - start)
            for plain in sealed.opened.decrypt(stored, first, ends=stop == sealed.stored):
                yield plain[skipped : skipped + left]
                left -= len(plain) - skipped
                skipped = 0

    def _sealed(self, key: str) -> _Sealed | None:
        """What has to be known of an encrypted file before a part of it is read; None for a plain one."""
        with self._lock:
            if key in self._known:
                return self._known[key]
        found = self._looked_at(key)
        with self._lock:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found

    def _looked_at(self, key: str) -> _Sealed | None:
        size = self._size(key)
        beginning = b"".join(self._store.read(key, 0, min(size, age.MAX_HEADER)))
        if not beginning.startswith(MAGIC):
            return None
        with self._telling(key):
            opened = age.open_header(beginning, self._identities)
            plain = opened.plain_bytes(size)
            # The size is what the last chunk says: one that was cut off before it would not be missed in the middle.
            last = max(plain - 1, 0) // age.CHUNK
            start = opened.start + last * age.SEALED
            for _ in opened.decrypt(self._store.read(key, start, size - start), last):
                pass
        return _Sealed(opened, size, plain)

    def _size(self, key: str) -> int:
        for item in self._store.list(key):
            if item.key == key:
                return item.bytes
            break  # in key order a key comes before those that it begins
        for _ in self._store.read(key, 0, 0):
            pass  # the store itself says that it is missing
        return 0

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return b"".join(self.read(key)) == data
        except (ObjectMissing, ObjectSealed, SnapshotDamaged):
            return False

    def _forget(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._known.pop(key, None)

    @contextmanager
    def _telling(self, key: str) -> Iterator[None]:
        """Turn what is wrong with an encrypted file into one sentence that names it."""
        where = self.location(key)
        try:
            yield
        except age.Malformed:
            raise SnapshotDamaged(
                f"{where} is not what was encrypted (cut, changed or put together anew): do not use this snapshot; "
                "take or choose another."
            ) from None
        except age.NotForUs:
            raise not_for_us(where, key, len(self._identities)) from None


def _beginning(chunks: Iterator[bytes]) -> bytes:
    """As much as tells an encrypted file from a plain one, or more."""
    beginning = b""
    for chunk in chunks:
        beginning = beginning + chunk if beginning else chunk
        if len(beginning) >= len(MAGIC):
            break
    return beginning
