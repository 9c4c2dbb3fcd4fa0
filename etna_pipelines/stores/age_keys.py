"""Keys of age (https://age-encryption.org) as `age-keygen` makes them: `age1...` encrypts, `AGE-SECRET-KEY-1...` opens.

Bech32 is as in BIP 173 (https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki), without its limit of length.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

RECIPIENT, IDENTITY = "age", "AGE-SECRET-KEY-"
KEY_BYTES = 32
MAGIC = b"age-encryption.org/v1\n"
"""What encrypted files begin with."""

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


@dataclass(frozen=True)
class Recipient:
    """Whom a file is encrypted to: an X25519 public key, which is no secret."""

    key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError (that does not hold the text) unless it is `age1...` of an X25519 key."""
        return cls(_key(text, RECIPIENT, text.lower()))


@dataclass(frozen=True)
class Identity:
    """What opens files: an X25519 private key."""

    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError (that does not hold the text) unless it is `AGE-SECRET-KEY-1...`."""
        return cls(_key(text, IDENTITY, text.upper()))

    @cached_property
    def recipient(self) -> Recipient:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return Recipient(X25519PrivateKey.from_private_bytes(self.key).public_key().public_bytes_raw())


def _key(text: str, kind: str, expected_case: str) -> bytes:
    """The 32 bytes of a key; age writes recipients in lower and identities in upper case, and takes nothing else."""
    name, separator, data = text.rpartition("1")
    if not separator or name != kind or text != expected_case:
        raise ValueError(f"does not begin with `{kind}1`")
    return _decoded(name.lower(), data.lower())


def _decoded(name: str, data: str) -> bytes:
    if len(data) < _CHECKSUM or not set(data) <= set(_ALPHABET):
        raise ValueError("is mistyped or cut off")
    values = [_ALPHABET.index(letter) for letter in data]
    expanded = [ord(letter) >> 5 for letter in name] + [0] + [ord(letter) & 31 for letter in name]
    if _polymod(expanded + values) != 1:
        raise ValueError("is mistyped or cut off")
    bits = "".join(f"{value:05b}" for value in values[:-_CHECKSUM])
    rest = len(bits) % 8
    if len(bits) // 8 != KEY_BYTES or rest > 4 or "1" in bits[len(bits) - rest :]:
        raise ValueError("is not a key of 32 bytes")
    return int(bits[: len(bits) - rest], 2).to_bytes(KEY_BYTES)


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum
