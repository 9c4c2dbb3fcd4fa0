"""age's format, against its test vectors, pyrage (Rust's rage) and the program `age` itself."""

import hashlib
import random
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pyrage
import pytest

from etna_pipelines.stores import age
from etna_pipelines.stores.age import CHUNK, SEALED, Malformed, NotForUs, decrypt, encrypt, open_header, sealed_bytes
from etna_pipelines.stores.age_keys import Identity, Recipient

VECTORS = zipfile.ZipFile(Path(__file__).with_name("age_vectors.zip"))
"""c2sp.org/CCTV/age, v0.0.0-20251208015420-e9274a7bdbfd: those of X25519 and of the payload, without armour. `expect`
says what comes of each, and `payload` the SHA-256 of what a success gives."""

THEIRS = pyrage.x25519.Identity.generate()
OURS = Identity.parse(str(THEIRS))
ANOTHER = Identity(bytes(range(32)))
AGE = shutil.which("age")
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 7]


def data(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def sealed(content: bytes, *recipients: Recipient) -> bytes:
    return b"".join(encrypt([content], recipients or [OURS.recipient]))


def opened(content: bytes, identity: Identity = OURS) -> bytes:
    return b"".join(decrypt(in_pieces(content, 100_000), [identity]))


@pytest.mark.parametrize("name", VECTORS.namelist())
def test_the_format_s_own_vectors(name: str) -> None:
    head, _, content = VECTORS.read(name).partition(b"\n\n")
    said = [line.split(": ", 1) for line in head.decode().splitlines()]
    facts = dict(said)
    identities = [Identity.parse(text) for key, text in said if key == "identity"]
    if facts.get("compressed"):
        content = zlib.decompress(content)
    for size in (1, 1000, len(content)) if len(content) < 2000 else (1000, len(content)):
        if facts["expect"] == "success":
            plain = b"".join(decrypt(in_pieces(content, size), identities))
            assert hashlib.sha256(plain).hexdigest() == facts["payload"]
        else:
            with pytest.raises(NotForUs if facts["expect"] == "no match" else Malformed):
                b"".join(decrypt(in_pieces(content, size or 1), identities))


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_reads_ours_and_we_read_its(size: int) -> None:
    content = data(size)
    ours = sealed(content, ANOTHER.recipient, OURS.recipient)

    assert len(ours) == sealed_bytes(size, recipients=2)
    assert pyrage.decrypt(ours, [THEIRS]) == content
    assert opened(ours, ANOTHER) == content
    assert opened(pyrage.encrypt(content, [THEIRS.to_public()])) == content


@pytest.mark.skipif(AGE is None, reason="age is not installed")
def test_age_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    key, content = tmp_path / "key", data(300_000)
    key.write_text(f"# created: today\n{THEIRS}\n")

    def age_(*arguments: str, given: bytes) -> bytes:
        return subprocess.run([str(AGE), *arguments], input=given, capture_output=True, check=True).stdout

    assert age_("-d", "-i", str(key), given=sealed(content)) == content
    assert opened(age_("-r", str(THEIRS.to_public()), given=content)) == content


@pytest.mark.parametrize("piece", [1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK])
def test_how_a_stream_is_cut_makes_no_difference(piece: int) -> None:
    content = data(3 * CHUNK if piece > 1 else 3)
    stored = b"".join(encrypt(in_pieces(content, piece), [OURS.recipient]))
    assert len(stored) == sealed_bytes(len(content), recipients=1)
    assert b"".join(decrypt(in_pieces(stored, piece), [OURS])) == content


def test_no_two_files_share_a_byte_of_their_keys() -> None:
    one, two = sealed(b"the same"), sealed(b"the same")
    assert len(one) == len(two)
    assert one[len(age.MAGIC) + len("-> X25519 ") :][:43] != two[len(age.MAGIC) + len("-> X25519 ") :][:43]
    assert one[-24:] != two[-24:]


def test_others_can_t_open_it() -> None:
    with pytest.raises(NotForUs):
        opened(sealed(b"ours", OURS.recipient), ANOTHER)
    with pytest.raises(NotForUs):
        b"".join(decrypt([sealed(b"ours")], []))
    with pytest.raises(NotForUs):
        b"".join(decrypt([pyrage.passphrase.encrypt(b"by a passphrase", "correct horse")], [OURS]))


def test_every_damage_is_noticed() -> None:
    """Each byte of the header, and bytes, cuts and exchanges everywhere in the payload."""
    stored = sealed(data(3 * CHUNK + 100))
    start = open_header(stored, [OURS]).start
    first, second, third, last = (stored[start + at * SEALED : start + (at + 1) * SEALED] for at in range(4))
    head, chance = stored[:start], random.Random(7)
    places = [*range(start), *(chance.randrange(start, len(stored)) for _ in range(300)), len(stored) - 1]
    damaged = [stored[:at] + bytes([stored[at] ^ 1 << chance.randrange(8)]) + stored[at + 1 :] for at in places]
    cuts = [*range(0, start, 7), *(start + at * SEALED + more for at in range(4) for more in (-1, 0, 1, 16, 17))]
    damaged += [stored[:at] for at in [*cuts, len(stored) - 1]]
    damaged += [
        head + second + first + third + last,
        head + first + third + last,
        head + first + first + second + third + last,
        head + first + second + last,
        head + last,
        head + first + second + third,
        stored + b"\0",
        stored + last,
        stored + stored,
        head + sealed(data(3 * CHUNK + 100))[start:],
    ]
    for content in damaged:
        with pytest.raises((Malformed, NotForUs)):
            opened(content)
    assert len(damaged) > 500


def test_what_is_given_out_before_a_damage_is_what_was_put() -> None:
    content = data(200 * CHUNK)
    stored = bytearray(sealed(content))
    stored[-1] ^= 1
    given = bytearray()
    with pytest.raises(Malformed):
        for plain in decrypt(in_pieces(bytes(stored), 1_000_000), [OURS]):
            given += plain
    assert len(given) > 100 * CHUNK
    assert content.startswith(given)


def test_a_header_without_end_is_not_read_for_ever() -> None:
    stanza = b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"
    with pytest.raises(Malformed):
        b"".join(decrypt(chain([age.MAGIC], repeat(100 * stanza)), [OURS]))


@pytest.mark.parametrize("size", SIZES)
def test_a_file_s_size_tells_how_much_it_holds(size: int) -> None:
    stored = sealed(data(size))
    header = open_header(stored, [OURS])
    assert header.plain_bytes(len(stored)) == size
    for lengths in (range(header.start + 16), [header.start + SEALED + 1, header.start + SEALED + 15]):
        for length in lengths:
            with pytest.raises(Malformed):
                header.plain_bytes(length)
