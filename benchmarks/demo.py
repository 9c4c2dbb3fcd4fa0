"""From a fresh checkout with an empty cache to a finished `etna demo`: the README's own line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.common import Result, seconds

ROOT = Path(__file__).parents[1]


def measure(home: Path, megabytes: int = 0) -> list[Result]:  # noqa: ARG001
    checkout = home / "checkout"
    git = shutil.which("git") or "git"
    subprocess.run([git, "clone", "--quiet", "--local", str(ROOT), str(checkout)], check=True)
    readme = (checkout / "README.md").read_text()
    [command] = [line for line in readme.splitlines() if line.endswith("run etna demo")]
    kept = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "PIP_INDEX_URL", "PIP_CERT", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
    settings = {name: value for name, value in os.environ.items() if name in kept or name.lower().endswith("_proxy")}
    settings |= {"HOME": str(home), "UV_CACHE_DIR": str(home / "uv"), "PIP_CACHE_DIR": str(home / "pip")}

    def demo() -> None:
        subprocess.run(["/bin/sh", "-c", command], cwd=checkout, env=settings, check=True, stdout=sys.stderr)

    try:
        taken = seconds(demo)
    finally:
        etna = checkout / ".venv/bin/etna"
        if etna.exists():
            subprocess.run([str(etna), "stop"], cwd=checkout, env=settings, check=False, stdout=sys.stderr)
    return [Result("fresh checkout to finished `etna demo`", 120, taken, "s", "empty caches, downloads included")]
