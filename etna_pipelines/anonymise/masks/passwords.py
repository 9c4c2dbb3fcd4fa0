"""password: one that nobody can log in with, or one that the rules' author knows."""

import base64
import hashlib
import re
from functools import lru_cache

from etna_pipelines.anonymise.column_types import length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, Uniqueness
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.values import Values
from etna_pipelines.django_password import django_hash
from etna_pipelines.snapshots.manifest import Column

_KNOWN_LENGTH = 20 + 1 + 7 + 1 + 22 + 1 + 44
_UNUSABLE_LENGTH = 41


def _password(spec: MaskSpec, _column: Column, tools: Tools) -> Mask:
    if not spec.arguments:
        # "!" and 40 characters: what Django calls an unusable password; no password hashes to it.
        return lambda values, _rows: tools.pseudonyms.token(values, "password", 40, begin="!")
    known = _django(spec.arguments[1], tools.pseudonyms.subkey("password salt"))

    def mask(values: Values, _rows: object) -> Values:
        hashes = Values.repeated(known, len(values))
        return hashes if not values.nulls.any() else hashes.where(~values.nulls, values)

    return mask


@lru_cache
def _django(password: str, subkey: str) -> str:
    """As Django keeps it. The salt comes from the key, so that each night makes the same."""
    salt = re.sub(r"[^0-9A-Za-z]", "", base64.b64encode(hashlib.sha512(subkey.encode()).digest()).decode())[:22]
    return django_hash(password, salt)


def _wrong(spec: MaskSpec) -> str | None:
    if not spec.arguments or (len(spec.arguments) == 2 and spec.arguments[0] == "django" and spec.arguments[1]):
        return None
    return "`password` is for no password at all, and `password(django, letmein)` for one that you know"


def _refuse(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    least, length = _KNOWN_LENGTH if spec.arguments else _UNUSABLE_LENGTH, length_of(column)
    if length is not None and length < least:
        return f"`{spec.name}` needs {least} characters and the column has {length}: use null, set(...) or keep"
    return None


def _uniqueness(spec: MaskSpec) -> Uniqueness:
    return "lossy" if spec.arguments else "preserved"


KINDS = (
    MaskKind(
        "password",
        _password,
        (0, 2),
        uniqueness=_uniqueness,
        identifies=lambda _: "secret",
        refuses=_refuse,
        wrong=_wrong,
        empties="NULL stays, '' becomes one",
        examples=(
            ("password", "a password that nobody can log in with"),
            ("password(django, letmein)", "that password, as Django stores it: for everybody"),
        ),
    ),
)
