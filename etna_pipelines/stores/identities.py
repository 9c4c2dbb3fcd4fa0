"""ETNA_AGE_IDENTITY: what opens the encrypted files of a store, and what is said where it does not."""

from contextlib import suppress
from pathlib import Path

from etna_pipelines.errors import ObjectSealed, SettingsError
from etna_pipelines.stores.age_keys import IDENTITY, MAGIC, Identity

VARIABLE = "ETNA_AGE_IDENTITY"
_ARMOUR = "-----BEGIN AGE ENCRYPTED FILE-----"


def parse(text: str) -> tuple[Identity, ...]:
    """The identities that the variable holds: themselves or files of them, separated by commas or line ends.

    Raises SettingsError, which holds none of them."""
    found: list[Identity] = []
    for part in _lines(text.replace(",", "\n")):
        if part.upper().startswith(IDENTITY):
            found.append(_identity(part, VARIABLE))
        else:
            found += _kept(Path(part).expanduser())
    return tuple(dict.fromkeys(found))


def files(text: str) -> list[Path]:
    """The files that the variable names and that are there: a mistyped identity, which may be secret, is none."""
    found: list[Path] = []
    for part in _lines(text.replace(",", "\n")):
        with suppress(OSError, ValueError, RuntimeError):
            if (path := Path(part).expanduser()).is_file():
                found.append(path)
    return found


def refuse_sealed(beginning: bytes, where: str, key: str) -> None:
    """Raises ObjectSealed where a file that was read as it is turns out to be encrypted."""
    if beginning.startswith(MAGIC):
        raise not_for_us(where, key, 0)


def not_for_us(where: str, key: str, identities: int) -> ObjectSealed:
    """The error for a file that none of so many identities opens."""
    whose = {"full": "the operators'", "stripped": "the team's or the operators'"}.get(
        key.partition("/")[0], "the right"
    )
    if not identities:
        return ObjectSealed(f"{where} is encrypted: set {VARIABLE}, or a line of .env, to {whose} age identity.")
    return ObjectSealed(
        f"{where} is encrypted, and no identity in {VARIABLE} opens it: add {whose} to the variable; "
        "if it is there, this file is damaged."
    )


def _kept(path: Path) -> list[Identity]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        # The path is not told: what was meant as an identity, and is mistyped, would be.
        raise SettingsError(
            f"{VARIABLE} holds neither an `{IDENTITY}1...` nor a file of them that can be read: correct the variable."
        ) from None
    if text.startswith((MAGIC.decode(), _ARMOUR)):
        raise SettingsError(
            f"{VARIABLE} names {path}, which is locked with a passphrase: nobody can type it here, use one that is not."
        )
    found = [_identity(line, f"{path}, which {VARIABLE} names,") for line in _lines(text)]
    if not found:
        raise SettingsError(f"{VARIABLE} names {path}, which holds no identity: make one with `age-keygen -o {path}`.")
    return found


def _lines(text: str) -> list[str]:
    """Without comments, as `age-keygen` writes them, and empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()[:1] not in ("", "#")]


def _identity(text: str, where: str) -> Identity:
    try:
        return Identity.parse(text)
    except ValueError as problem:
        raise SettingsError(
            f"{where} holds an identity that {problem}: copy all of the `{IDENTITY}1...` that `age-keygen` printed."
        ) from None
