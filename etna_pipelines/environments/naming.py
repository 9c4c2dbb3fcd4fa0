"""The names of a target's databases: what serves, what is being filled, what served before."""

import hashlib
import re
from typing import Literal, get_args

LONGEST = 63
"""Bytes of a name that Postgres keeps; it cuts the rest off without failing."""

Purpose = Literal["new", "retired", "restorer", "template", "rehearsal", "rehearser"]
"""What a name made for one push is for: the database it fills; the one kept until then, which it drops once its swap
is verified; the role it restores as where it connects as a superuser. And for one snapshot: the database that test
environments are cloned from, `etna_test_template_...`. And for one rehearsal of a release: its database, and the role
that it is done as."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def name_for(purpose: Purpose, live: str, push_id: str) -> str:
    """`etna_development_new_20261123t020000123456z-1f0c9a`."""
    return _fitting(live, f"_{purpose}_{push_id.lower()}")


def is_name_for(purpose: Purpose, live: str, name: str) -> bool:
    """Whether some push to `live` made this name for this purpose."""
    return push_of(purpose, live, name) is not None


def push_of(purpose: Purpose, live: str, name: str) -> str | None:
    """The id, in lower case, of the push to `live` that made this name for this purpose."""
    found = re.search(r"\d{8}t\d{12}z-[0-9a-f]{6}$", name)
    return found.group() if found and name == name_for(purpose, live, found.group()) else None


def previous_name(live: str) -> str:
    """The database that served before, kept for a rollback."""
    return _fitting(live, "_previous")


def belongs_to(live: str, name: str) -> bool:
    """Whether a push or rollback of `live` may rename, fill or drop a database of this name."""
    return name in (live, previous_name(live)) or any(is_name_for(purpose, live, name) for purpose in PURPOSES)


def _fitting(live: str, suffix: str) -> str:
    """Too long a name is cut and told apart from others by a digest."""
    if len((live + suffix).encode()) <= LONGEST:
        return live + suffix
    digest = hashlib.blake2b(live.encode(), digest_size=4).hexdigest()
    room = LONGEST - len(suffix) - len(digest) - 1
    return f"{live.encode()[:room].decode(errors='ignore')}_{digest}{suffix}"
