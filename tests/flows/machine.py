"""A machine to install things on: this one, with file systems of its own above what is here, and a network of its own.

Whatever is written to it is gone with it. Systemd is not there, so `systemctl` is ours: it starts units as they say
(EnvironmentFile, Environment, User, UMask, LimitCORE, NoNewPrivileges, Restart), and nothing else of them."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LAYERED = ("etc", "opt", "usr", "var")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REQUESTS = "run/systemctl"

_LAYERS = """
set -e
for directory in $LAYERED; do
  mkdir -p "$UPPER/$directory.upper" "$UPPER/$directory.work"
  mount -t overlay overlay -o "lowerdir=/$directory,upperdir=$UPPER/$directory.upper,workdir=$UPPER/$directory.work" \
    "/$directory"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemctl /run/lock
echo ready
read -r _
"""
_SYSTEMCTL = """#!/bin/sh
request=$(mktemp /run/systemctl/XXXXXX)
printf '%s\\n' "$@" >"$request.asked"
while [ ! -e "$request.answered" ]; do sleep 0.1; done
exit "$(cat "$request.answered")"
"""


class Machine:
    """Begun with `with`; its processes end with it. Needs root."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._holders: list[subprocess.Popen[str]] = []
        self.systemd = Systemd(self)

    def __enter__(self) -> "Machine":
        layers = {"LAYERED": " ".join(LAYERED), "UPPER": str(self._directory)}
        self._hold(["unshare", "--mount", "--propagation", "private", "sh", "-c", _LAYERS], layers)
        self._hold([*self._into(network=True), "unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; read _"])
        shim = self.path("/usr/local/bin/systemctl")
        shim.write_text(_SYSTEMCTL)
        shim.chmod(0o755)
        self.systemd.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.systemd.end()
        _end_all(self._inside())
        for holder in reversed(self._holders):
            holder.communicate("\n")

    def path(self, absolute: str) -> Path:
        """A path of the machine, as this process reaches it."""
        return Path(f"/proc/{self._holders[0].pid}/root{absolute}")

    def shell(self, script: str, *, network: bool = False, **variables: str) -> str:
        """Run a script as root to its end; what it says. With `network` it has this machine's, and no servers."""
        done = self.start(["bash", "-euo", "pipefail", "-c", script], network=network, **variables)
        said, _ = done.communicate()
        assert done.returncode == 0, f"{script}\n{said[-3000:]}"
        return said

    def start(self, command: list[str], *, network: bool = False, **variables: str) -> "subprocess.Popen[str]":
        """Start a program as root."""
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"} | variables
        return subprocess.Popen(
            [*self._into(network), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_as(
        self, user: str, command: list[str], environment: Mapping[str, str], directory: str, umask: str, said: Path
    ) -> "subprocess.Popen[bytes]":
        """Start a service: as an account that can gain no rights, with no core dumps."""
        known = self.path("/etc/passwd").read_text().splitlines()
        [(uid, gid)] = [(line.split(":")[2], line.split(":")[3]) for line in known if line.startswith(f"{user}:")]
        bounds = [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={gid}",
            "--clear-groups",
            "--no-new-privs",
            "--bounding-set=-all",
        ]
        script = 'umask "$1"; ulimit -c 0; cd "$2"; shift 2; exec "$@"'
        with said.open("ab") as log:
            return subprocess.Popen(
                [
                    *self._into(network=False),
                    *bounds,
                    "sh",
                    "-c",
                    script,
                    "sh",
                    umask,
                    directory,
                    *command,
                ],
                env={"PATH": PATH, "HOME": "/var/lib/etna", "USER": user, "LANG": "C.UTF-8", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _into(self, network: bool) -> list[str]:
        """`network`: this machine's."""
        mounts = ["nsenter", f"--mount=/proc/{self._holders[0].pid}/ns/mnt"]
        if network:
            return [*mounts, "--"]
        return [*mounts, f"--net=/proc/{self._holders[1].pid}/ns/net", "--"]

    def _hold(self, command: list[str], variables: Mapping[str, str] | None = None) -> None:
        holder = subprocess.Popen(
            command, env={"PATH": PATH, **(variables or {})}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert holder.stdout and holder.stdout.readline() == "ready\n"
        self._holders.append(holder)

    def _inside(self) -> list[psutil.Process]:
        """Whoever is on the machine, but for its holders."""
        mounts = _mounts(self._holders[0].pid)
        assert mounts not in (None, _mounts(os.getpid()))  # else it would be everybody
        holders = [psutil.Process(holder.pid) for holder in self._holders]
        spared = {each.pid for holder in holders for each in (holder, *holder.children(recursive=True))}
        return [each for each in psutil.process_iter() if _mounts(each.pid) == mounts and each.pid not in spared]


def _mounts(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return None


def _end_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=20)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@dataclass
class Unit:
    """A service while it is wanted."""

    name: str
    process: "subprocess.Popen[bytes]"
    mark: str
    """A variable that it and all its children have."""
    starts: int = 1


@dataclass
class Systemd:
    """The little of it that the page needs."""

    machine: Machine
    units: dict[str, Unit] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        if self._thread:
            self._thread.join()
        for name in [*self.units]:
            self._stop(name)

    def log(self, unit: str) -> Path:
        return self.machine.path("/run") / f"{unit}.log"

    def _run(self) -> None:
        while not self._ending.wait(0.1):
            for asked in self.machine.path(f"/{REQUESTS}").glob("*.asked"):
                try:
                    self._do(asked.read_text().splitlines())
                    answer = "0"
                except Exception as error:
                    answer = "1"
                    self.log("systemctl").write_text(repr(error))
                asked.rename(asked.with_suffix(".done"))
                asked.with_suffix(".answered").write_text(answer)
            for unit in [*self.units.values()]:
                if unit.process.poll() is not None:
                    self._kill_group(unit)
                    time.sleep(1)
                    self._start(unit.name, unit.starts + 1)

    def _do(self, asked: list[str]) -> None:
        names = [name for each in asked[1:] if not each.startswith("-") for name in self._services(each)]
        match asked[0]:
            case "daemon-reload":
                return
            case "enable" | "start":
                for name in names:
                    self._start(name)
            case "restart":
                for name in names:
                    self._stop(name)
                    self._start(name)
            case "stop":
                for name in names:
                    self._stop(name)
            case other:
                raise ValueError(other)

    def _services(self, name: str) -> list[str]:
        if name.endswith(".target"):
            return " ".join(self._read(name).get("Wants", [])).replace(".service", "").split()
        return [name.removesuffix(".service")]

    def _start(self, name: str, starts: int = 1) -> None:
        said = self._read(f"{name}.service")
        environment: dict[str, str] = {}
        for file in said["EnvironmentFile"]:
            for line in self.machine.path(file).read_text().splitlines():
                variable, _, value = line.partition("=")
                environment[variable] = value.strip("'\"")
        for line in said["Environment"]:
            environment |= dict(each.split("=", 1) for each in line.split())
        environment["STARTED_AS"] = mark = f"{name}-{starts}-{time.time_ns()}"
        [command], [user], [directory], [umask], [restart] = (
            said[key] for key in ("ExecStart", "User", "WorkingDirectory", "UMask", "Restart")
        )
        assert restart == "always"
        process = self.machine.start_as(user, command.split(), environment, directory, umask, self.log(name))
        self.units[name] = Unit(name, process, mark, starts)

    def _stop(self, name: str) -> None:
        if unit := self.units.pop(name, None):
            with contextlib.suppress(ProcessLookupError):
                os.kill(unit.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                unit.process.wait(60)
            self._kill_group(unit)
            unit.process.wait()

    @staticmethod
    def _kill_group(unit: Unit) -> None:
        """What a service leaves behind is killed, as systemd does with its control group."""
        mark = f"STARTED_AS={unit.mark}".encode()
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                if mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                    process.kill()

    def _read(self, name: str) -> dict[str, list[str]]:
        read: dict[str, list[str]] = {}
        for line in self.machine.path(f"/etc/systemd/system/{name}").read_text().splitlines():
            if not line.startswith("#") and "=" in line:
                key, _, value = line.partition("=")
                read.setdefault(key, []).append(value)
        return read
