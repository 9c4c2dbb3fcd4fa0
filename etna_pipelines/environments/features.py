"""Feature environments: one for each branch, with a name that is safe and no other branch's.

The name is the partition's key and a label of host names, and the databases' names follow from it.
"""

import hashlib
import re
from dataclasses import dataclass

PREFIX = "feature/"
LONGEST_NAME = 40
"""Characters, which leaves room in a host name's label of 63."""
LONGEST_DATABASE_NAME = 50
"""Bytes; the databases beside it have longer names (`_previous`), and Postgres keeps 63."""

# What databases beside others are called, the templates that test environments are cloned from, and our own digests.
_TAKEN = re.compile(r"template(-.*)?|(.*-)?(previous|aside)|.*-[0-9a-f]{8}")


@dataclass(frozen=True)
class Feature:
    """A feature environment and the branch that it is for."""

    name: str
    """Lower-case letters, digits and single hyphens, at most 40."""
    branch: str

    @property
    def image_tag(self) -> str:
        """What images of the branch are tagged with: the branch, `/` replaced by `-`."""
        return self.branch.replace("/", "-")


def feature_of(branch: str) -> Feature:
    """The environment of a branch: `feature/login` is `login`. Where that would not be safe, or could be another
    branch's as well, a digest of the branch's name is added: `feature/Login` is `login-d8ae3d87`."""
    short = branch.removeprefix(PREFIX)
    plain = re.sub(r"[^a-z0-9]+", "-", short.lower()).strip("-")
    if branch == PREFIX + plain and len(plain) <= LONGEST_NAME and not _TAKEN.fullmatch(plain):
        return Feature(plain, branch)
    return Feature(_shortened(plain, branch, "-", LONGEST_NAME), branch)


def feature_database_name(beginning: str, feature: Feature) -> str:
    """`etna_test` and `login-page` are `etna_test_login_page`."""
    name = f"{beginning}_{feature.name.replace('-', '_')}"
    return name if len(name.encode()) <= LONGEST_DATABASE_NAME else _shortened(name, name, "_", LONGEST_DATABASE_NAME)


def _shortened(text: str, whole: str, joint: str, longest: int) -> str:
    """The beginning of `text` and a digest of `whole`, in at most `longest` bytes."""
    digest = hashlib.blake2b(whole.encode(), digest_size=4).hexdigest()
    kept = text.encode()[: longest - len(joint + digest)].decode(errors="ignore").strip(joint)
    return f"{kept or 'x'}{joint}{digest}"
