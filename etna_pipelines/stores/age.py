"""Files in age's format (https://age-encryption.org/v1, written down in c2sp.org/age), for X25519 keys.

`age -d` opens what `encrypt` makes, and the other way round. The ciphers are those of `cryptography`; the layout is
read here because the library that Python has for it, pyrage, reads files from their beginning only, and the parts of a
large file are read by many workers. The tests hold it against pyrage, age itself and the format's own test vectors.
"""

import base64
import hmac
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from etna_pipelines.stores.age_keys import MAGIC, Identity, Recipient

CHUNK = 64 * 1024
"""Bytes that are encrypted, and authenticated, together."""

TAG = 16
SEALED = CHUNK + TAG
NONCE = 16
MAX_HEADER = 64 * 1024
"""The most bytes that are read in search of a header's end: room for 600 recipients."""

PIECE = 64 * CHUNK
_INFO = b"age-encryption.org/v1/X25519"
_STANZA = rb"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63})\n"
_STANZAS = re.compile(_STANZA)
_HEADER = re.compile(re.escape(MAGIC) + rb"(?P<stanzas>(?:" + _STANZA + rb")+)---(?= (?P<mac>[A-Za-z0-9+/]{43})\n)")


class Malformed(Exception):
    """A file is not what was written: it is cut, changed, or no age file."""


class NotForUs(Exception):
    """None of the identities is one of those that a file was encrypted to."""


@dataclass(frozen=True)
class Opened:
    """What a header tells whoever has an identity: the payload's cipher, and where its first chunk begins."""

    start: int
    cipher: ChaCha20Poly1305 = field(repr=False)

    def plain_bytes(self, stored: int) -> int:
        """How many bytes a file of `stored` bytes holds. Raises Malformed where no file can have so many."""
        chunks, rest = divmod(stored - self.start, SEALED)
        if stored < self.start + TAG or 0 < rest < TAG:
            raise Malformed
        return chunks * CHUNK + max(rest - TAG, 0)

    def decrypt(self, sealed: Iterable[bytes], number: int = 0, *, ends: bool = True) -> Iterator[bytes]:
        """The plain bytes of consecutive chunks, the first of which is the payload's `number`th; `ends` says whether
        the last of them is the payload's last. Raises Malformed unless they are those very chunks."""
        for chunks, last in _cut(sealed, SEALED):
            plain = b"".join(self._chunk(chunk, number + at, last and ends) for at, chunk in enumerate(chunks))
            number += len(chunks)
            if plain:
                yield plain
            elif number > 1 or not ends:  # only a file that holds nothing has an empty chunk
                raise Malformed

    def _chunk(self, sealed: bytes, number: int, last: bool) -> bytes:
        if len(sealed) < TAG:
            raise Malformed
        try:
            return self.cipher.decrypt(_nonce(number, last), sealed, None)
        except InvalidTag:
            raise Malformed from None


def sealed_bytes(plain: int, recipients: int) -> int:
    """How many bytes `encrypt` makes of so many for so many recipients."""
    header = len(MAGIC) + 98 * recipients + 48
    return header + NONCE + plain + TAG * max(1, -(-plain // CHUNK))


def encrypt(chunks: Iterable[bytes], recipients: Sequence[Recipient]) -> Iterator[bytes]:
    """A stream as an age file that any one of the recipients opens, in pieces of some MiB."""
    file_key, nonce = os.urandom(16), os.urandom(NONCE)
    head = MAGIC + b"".join(_wrapped(file_key, recipient) for recipient in recipients) + b"---"
    yield head + b" " + _base64(_mac(head, file_key)) + b"\n" + nonce
    cipher = _payload_cipher(file_key, nonce)
    number = 0
    for pieces, last in _cut(_bounded(chunks), CHUNK):
        yield b"".join(cipher.encrypt(_nonce(number + at, last), piece, None) for at, piece in enumerate(pieces))
        number += len(pieces)


def decrypt(chunks: Iterable[bytes], identities: Sequence[Identity]) -> Iterator[bytes]:
    """An age file's plain bytes. Raises NotForUs, or Malformed: at the latest where the stream ends too early."""
    stream = iter(chunks)
    beginning = b""
    for chunk in stream:
        beginning += chunk
        if len(beginning) > MAX_HEADER or ((header := _HEADER.match(beginning)) and len(beginning) >= _start(header)):
            break
    opened = open_header(beginning, identities)
    yield from opened.decrypt(chain([beginning[opened.start :]], stream))


def open_header(beginning: bytes, identities: Sequence[Identity]) -> Opened:
    """Open an age file by its first bytes, MAX_HEADER or all of them. Raises NotForUs, Malformed."""
    header = _HEADER.match(beginning)
    if not header or len(beginning) < _start(header):
        raise Malformed
    file_key = _unwrapped(header["stanzas"], identities)
    if not hmac.compare_digest(_mac(header[0], file_key), _from_base64(header["mac"])):
        raise Malformed
    start = _start(header)
    return Opened(start, _payload_cipher(file_key, beginning[start - NONCE : start]))


def _start(header: re.Match[bytes]) -> int:
    """Where the first chunk begins: behind the line of the MAC and a nonce."""
    return header.end("mac") + 1 + NONCE


def _wrapped(file_key: bytes, recipient: Recipient) -> bytes:
    """A recipient's stanza."""
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    secret = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient.key))
    body = _wrapping(secret, share, recipient).encrypt(bytes(12), file_key, None)
    return b"-> X25519 " + _base64(share) + b"\n" + _base64(body) + b"\n"


def _unwrapped(stanzas: bytes, identities: Sequence[Identity]) -> bytes:
    """The file's key, by the first stanza that is for one of us."""
    found = [
        (arguments.split(b" "), _from_base64(body.replace(b"\n", b""))) for arguments, body in _STANZAS.findall(stanzas)
    ]
    if len(found) > 1 and any(arguments[0] == b"scrypt" for arguments, _ in found):
        raise Malformed  # a passphrase must stand alone: whoever knows it could have written the file
    for arguments, body in found:
        if arguments[0] != b"X25519":
            continue
        if len(arguments) != 2 or len(body) != 32 or len(share := _from_base64(arguments[1])) != 32:
            raise Malformed
        for identity in identities:
            try:
                secret = X25519PrivateKey.from_private_bytes(identity.key).exchange(
                    X25519PublicKey.from_public_bytes(share)
                )
                return _wrapping(secret, share, identity.recipient).decrypt(bytes(12), body, None)
            except ValueError:  # a share that makes the secret zero for everybody
                raise Malformed from None
            except InvalidTag:
                continue
    raise NotForUs


def _wrapping(secret: bytes, share: bytes, recipient: Recipient) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(_derived(secret, share + recipient.key, _INFO))


def _payload_cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))


def _mac(head: bytes, file_key: bytes) -> bytes:
    """Of the header up to and with its three dashes."""
    return hmac.digest(_derived(file_key, b"", b"header"), head, "sha256")


def _derived(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _from_base64(text: bytes) -> bytes:
    """Bytes from base64 without padding. Raises Malformed unless it is canonical."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Malformed from None
    if _base64(data) != text:
        raise Malformed
    return data


def _cut(stream: Iterable[bytes | memoryview], size: int) -> Iterator[tuple[list[bytes], bool]]:
    """A stream in pieces of `size` bytes, as many at a time as there are; the last piece comes alone, with True, and is
    empty only where the stream is."""
    held = bytearray()
    for data in stream:
        held += data
        whole = max(len(held) - 1, 0) // size * size
        if whole:
            yield [bytes(held[at : at + size]) for at in range(0, whole, size)], False
            del held[:whole]
    yield [bytes(held)], True


def _bounded(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    """A stream in pieces of which a few may well stand in memory."""
    for chunk in chunks:
        view = memoryview(chunk)
        for at in range(0, len(view), PIECE):
            yield view[at : at + PIECE]
