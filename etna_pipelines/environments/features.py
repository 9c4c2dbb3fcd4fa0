"""Feature environments: one for each branch, with a name that is safe and no other branch's."""

import hashlib
import re
from dataclasses import dataclass

LONGEST_NAME = 40
LONGEST_DATABASE_NAME = 50
"""Bytes; the databases beside it have longer names (`_previous`), and Postgres keeps 63."""

# What names of other databases end in or begin with, and what a digest looks like.
_TAKEN = re.compile(r"template|.*-(previous|aside|new-.*|retired-.*|restorer-.*|template-.*)|.*-[0-9a-f]{8}")


@dataclass(frozen=True)
class Feature:
    """A feature environment and the branch that it is for."""

    name: str
    """Lower-case letters, digits and single hyphens, at most 40: a partition's key, part of host and database names."""
    branch: str

    @property
    def image_tag(self) -> str:
        """What images of the branch are tagged with: the branch, `/` replaced by `-`."""
        return self.branch.replace("/", "-")


def feature_of(branch: str, prefix: str = "feature/") -> Feature:
    """The environment of a branch: `feature/login` is `login`. Where that would not be safe, or could be another
    branch's as well, a digest of the branch's name is added."""
    short = branch.removeprefix(prefix)
    plain = re.sub(r"[^a-z0-9]+", "-", short.lower()).strip("-")
    if plain == short and len(plain) <= LONGEST_NAME and not _TAKEN.fullmatch(plain):
        return Feature(plain, branch)
    digest = hashlib.blake2b(branch.encode(), digest_size=4).hexdigest()
    kept = plain[: LONGEST_NAME - len(digest) - 1].strip("-")
    return Feature(f"{kept}-{digest}" if kept else f"x-{digest}", branch)


def feature_database_name(beginning: str, feature: Feature) -> str:
    """`etna_test` and `login-page` are `etna_test_login_page`."""
    name = f"{beginning}_{feature.name.replace('-', '_')}"
    if len(name.encode()) <= LONGEST_DATABASE_NAME:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    room = LONGEST_DATABASE_NAME - len(digest) - 1
    return f"{name.encode()[:room].decode(errors='ignore')}_{digest}"
