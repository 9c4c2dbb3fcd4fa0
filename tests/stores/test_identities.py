"""What ETNA_AGE_IDENTITY may hold."""

from pathlib import Path

import pytest

from etna_pipelines.errors import ObjectSealed, SettingsError
from etna_pipelines.stores.identities import not_for_us, parse, refuse_sealed
from tests.stores.test_age_keys import SECRET

OTHER = "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(f"# created: 2026-11-23T02:00:00Z\n# public key: age1...\n\n{OTHER}\n")
    return path


def test_identities_and_files_of_them(key: Path) -> None:
    assert parse("") == ()
    ours, other = parse(SECRET)[0], parse(OTHER)[0]
    assert parse(str(key)) == (other,)
    assert parse(f"{SECRET},{key}") == parse(f" {SECRET}\n# another\n{key}\n{SECRET}") == (ours, other)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SECRET[:-1], "ETNA_AGE_IDENTITY holds an identity that is mistyped or cut off"),
        (SECRET.lower(), "ETNA_AGE_IDENTITY holds an identity that does not begin with `AGE-SECRET-KEY-1`"),
        (f"oops-{SECRET}", "neither an `AGE-SECRET-KEY-1...` nor a file of them"),
        ("no/such/file", "neither an `AGE-SECRET-KEY-1...` nor a file of them"),
        ("nul\0", "neither an `AGE-SECRET-KEY-1...` nor a file of them"),
    ],
)
def test_what_is_none_is_not_repeated(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        parse(text)
    assert not any(part in str(caught.value) for part in (SECRET[20:-5], SECRET[20:-5].lower()))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("# nothing yet\n", "which holds no identity: make one with `age-keygen -o"),
        (f"{OTHER}\n{SECRET[:40]}\n", r"key.txt, which ETNA_AGE_IDENTITY names, holds an identity that is mistyped"),
        ("age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 18\n", "locked with a passphrase"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\n", "locked with a passphrase"),
    ],
)
def test_files_that_hold_none(key: Path, content: str, says: str) -> None:
    key.write_text(content)
    with pytest.raises(SettingsError, match=says) as caught:
        parse(str(key))
    assert SECRET[20:40] not in str(caught.value)


def test_whose_identity_it_takes() -> None:
    assert str(not_for_us("s3://b/full/1", "full/1/archive/toc.dat", 0)) == (
        "s3://b/full/1 is encrypted: set ETNA_AGE_IDENTITY, or a line of .env, to the operators' age identity."
    )
    assert "opens it: add the team's or the operators' to the variable;" in str(not_for_us("x", "stripped/1/a/b", 2))
    refuse_sealed(b"PGDMP", "x", "full/1/archive/toc.dat")
    with pytest.raises(ObjectSealed) as caught:
        refuse_sealed(b"age-encryption.org/v1\n-> X25519 ", "x", "full/1/archive/toc.dat")
    assert not caught.value.retryable
