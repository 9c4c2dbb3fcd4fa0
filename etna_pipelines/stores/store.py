"""Where snapshots live: one small interface that a directory and S3 both fit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from etna_pipelines.errors import StoreRefused

CHUNK = 4 * 1024 * 1024
"""The most bytes a read yields at a time."""

MAX_KEY_BYTES = 900
"""S3 allows 1,024, the store's own prefix included."""

MAX_PART_BYTES = 255
"""What file systems allow for one name."""


@dataclass(frozen=True)
class StoredObject:
    """One object of a store: its key (`full/<id>/archive/toc.dat`) and its size in bytes."""

    key: str
    bytes: int


class Store(Protocol):
    """Objects under `/`-separated keys. Whole objects never stand in memory, and half-written ones are never seen.

    Every method raises StoreError (a sentence naming store and key), ObjectMissing where the key does not exist.
    Usable from several threads at once.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Stream an object in, replacing an older one; it appears whole or not at all. Returns its bytes."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> None:
        """Write a small object unless the key exists: then StoreError, unless it holds these very bytes already
        (our own write whose reply was lost)."""
        ...

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Stream an object out, or `length` bytes of it from `offset`, in chunks of at most a few MiB.

        Yields exactly the bytes asked for, else StoreError: a range that ends outside the object, a cut connection.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store (server-side, or a hard link), without its bytes passing through here."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects whose key begins with `prefix`, in key order."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """Names of the folders directly below `prefix` (`full/`), in key order: quick, however much is in each."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that do not exist are passed over."""
        ...

    def sweep(self) -> None:
        """Remove what killed writers left half-written; what is being written now is spared."""
        ...

    def location(self, key: str = "") -> str:
        """Where an object is, for people: a path, or s3://bucket/key. Holds no credentials."""
        ...


def checked_key(key: str) -> str:
    """The key itself, when every store can hold it: no empty parts, none that begins with a dot, nothing unprintable.

    That rules out `..` and absolute paths, and leaves dotted names to a store's own temporary files.
    """
    parts = key.split("/")
    if (
        any(not part or part.startswith(".") or len(part.encode()) > MAX_PART_BYTES for part in parts)
        or not key.isprintable()
        or len(key.encode()) > MAX_KEY_BYTES
    ):
        raise StoreRefused(
            f"{key!r} cannot be an object's key: use printable names, not empty and not beginning with a dot, "
            f"joined by '/', of at most {MAX_PART_BYTES} bytes each and {MAX_KEY_BYTES} together."
        )
    return key


def checked_end(where: str, size: int, offset: int, length: int | None) -> int:
    """Where a read of `length` bytes from `offset` ends, when that is inside an object of `size` bytes."""
    end = size if length is None else offset + length
    if not 0 <= offset <= end <= size:
        raise StoreRefused(f"{where} has {size} bytes, fewer than were asked for: verify the snapshot it is of.")
    return end
