"""How root runs PostgreSQL's server programs, which refuse to be run by root: as another user of the machine.

That user often cannot reach a clone under /root, nor the programs inside its virtual environment. No directory's mode
is changed for it: the server gets the least capability with which it can.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from etna_pipelines.errors import ProgramError

_CAPABILITIES = ("", "dac_read_search", "dac_override")


@dataclass(frozen=True)
class Account:
    """The user a server runs as, and what stands before its commands to make it so."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    @classmethod
    def for_server(cls, data: Path, program: Path) -> "Account":
        """Ourselves, unless we are root: then the owner of the data directory, else `postgres`, else `nobody`."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        user = _owner(data) or _named("postgres") or _named("nobody")
        if user is None:
            raise ProgramError("PostgreSQL does not run as root: add a user `postgres` to this machine.")
        for capability in _CAPABILITIES:
            account = cls(user.pw_uid, user.pw_gid, _setpriv(user, capability))
            if account._reaches(data.parent, program):
                return account
        raise ProgramError(
            f"PostgreSQL does not run as root, and the user {user.pw_name} cannot reach {data.parent} and {program}: "
            "install util-linux (setpriv), or work as an ordinary user."
        )

    def own(self, path: Path) -> None:
        """Hand a file or directory over to the user."""
        if self.prefix:
            os.chown(path, self.uid, self.gid)

    def _reaches(self, directory: Path, program: Path) -> bool:
        script = 'cd "$1" && exec "$2" --version'
        command = [*self.prefix, "/bin/sh", "-c", script, "sh", str(directory), str(program)]
        try:
            return subprocess.run(command, cwd="/", capture_output=True, check=False, timeout=30).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False


def _setpriv(user: pwd.struct_passwd, capability: str) -> tuple[str, ...]:
    prefix = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    if not capability:
        return (*prefix, "--inh-caps=-all")
    only = f"-all,+{capability}"
    # PostgreSQL looks at its programs with access(2), which leaves ambient capabilities out unless this bit is set.
    securebits = "--securebits=+no_setuid_fixup"
    return (*prefix, f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}", securebits)


def _owner(data: Path) -> pwd.struct_passwd | None:
    try:
        uid = data.stat().st_uid
        return pwd.getpwuid(uid) if uid else None
    except (FileNotFoundError, KeyError):
        return None


def _named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
