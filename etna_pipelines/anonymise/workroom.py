"""The workroom: where those who work on one strip, on whatever machine, leave what the next of them needs.

It stands beside the full snapshot, in the part of the store that only those may read who may read real people's data.
All of it is sealed: encrypted and authenticated with a key that is derived from the masking key, for this strip alone.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from etna_pipelines.anonymise.stripping import Bundle, derived
from etna_pipelines.errors import ObjectMissing, SnapshotDamaged, StoreError
from etna_pipelines.snapshots.catalogue import STRIP
from etna_pipelines.snapshots.pieces import Piece
from etna_pipelines.stores.store import Store

CHUNK = 16 * 1024 * 1024
"""Bytes that are sealed at a time (RFC 8439 allows 256 GiB)."""

NONCE, TAG = 12, 16


class Workroom:
    """Of the strip of snapshot `full` to snapshot `draft`, by their ids."""

    def __init__(self, store: Store, full: str, draft: str, masking_key: bytes) -> None:
        self._store = store
        self._draft = draft
        self._prefix = _prefix(full, draft)
        self._cipher = ChaCha20Poly1305(derived(masking_key, f"workroom of {draft}"))

    def leave(self, name: str, bundle: Bundle) -> None:
        """Leave something under a name; who does it again leaves the same."""
        self._put(name, _packed(bundle))

    def find(self, name: str) -> Bundle:
        """What was left. Raises SnapshotDamaged where that can't be opened, and where there is nothing."""
        return _unpacked(b"".join(self._read(name)))

    def leave_piece(self, piece: Piece, chunks: Iterable[bytes]) -> None:
        """Leave a piece of the new archive."""
        self._put(_name_of(piece), chunks)

    def find_piece(self, piece: Piece) -> Iterator[bytes]:
        """A piece of the new archive, chunk by chunk; raises as `find` does."""
        return self._read(_name_of(piece))

    def _put(self, name: str, chunks: Iterable[bytes]) -> None:
        self._store.put(self._key(name), self._sealed(name, chunks))

    def _read(self, name: str) -> Iterator[bytes]:
        key = self._key(name)
        try:
            yield from self._opened(name, self._store.read(key))
        except InvalidTag:
            raise SnapshotDamaged(
                f"{self._store.location(key)} can't be opened: give every worker the same ETNA_MASKING_KEY; if they "
                "have it, strip again."
            ) from None
        except ObjectMissing:
            raise SnapshotDamaged(
                f"{self._store.location(key)} is gone, which this strip needs: strip the full snapshot again."
            ) from None

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.sealed"

    def _sealed(self, name: str, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Chunks, each behind its nonce; which one it is, and whether it is the last, is authenticated too."""
        for number, (chunk, is_last) in enumerate(_chunks(stream, CHUNK)):
            nonce = os.urandom(NONCE)
            yield nonce + self._cipher.encrypt(nonce, chunk, _said(name, number, is_last))

    def _opened(self, name: str, stream: Iterable[bytes]) -> Iterator[bytes]:
        for number, (chunk, is_last) in enumerate(_chunks(stream, NONCE + CHUNK + TAG)):
            if len(chunk) < NONCE + TAG:  # cut
                raise InvalidTag
            yield self._cipher.decrypt(chunk[:NONCE], chunk[NONCE:], _said(name, number, is_last))


def clear(store: Store, full: str, draft: str) -> None:
    """Delete all that was left. Whoever may not delete leaves it to those who sweep."""
    with suppress(StoreError):
        store.delete([item.key for item in store.list(_prefix(full, draft))])


def _prefix(full: str, draft: str) -> str:
    return f"full/{full}/{STRIP}{draft}/"


def _name_of(piece: Piece) -> str:
    return f"piece-{piece.file}-{piece.begin:06}"


def _said(name: str, number: int, is_last: bool) -> bytes:
    return f"{name} {number} {is_last}".encode()


def _chunks(stream: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The stream in chunks of one size, each with whether it is the last; of nothing, an empty one."""
    held = bytearray()
    for data in stream:
        held += data
        while len(held) > size:
            yield bytes(held[:size]), False
            del held[:size]
    yield bytes(held), True


def _packed(bundle: Bundle) -> Iterator[bytes]:
    """The names and lengths as a line of JSON, then the things themselves."""
    yield json.dumps({name: len(data) for name, data in bundle.items()}).encode() + b"\n"
    yield from bundle.values()


def _unpacked(data: bytes) -> dict[str, bytes]:
    begin, things = data.index(b"\n") + 1, {}
    for name, length in json.loads(data[:begin]).items():
        things[name] = data[begin : begin + length]
        begin += length
    return things
