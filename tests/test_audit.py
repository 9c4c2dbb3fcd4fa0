"""CI's look at known vulnerabilities, with a service on loopback that knows one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

AUDIT = Path(__file__).parents[1] / ".ci/audit"
LOCKED = "idna==3.10\nurllib3==2.8.0\n"
VULNERABLE = {"id": "PYSEC-2026-1", "affected": [], "aliases": [], "summary": "x", "published": "2026-01-01T00:00:00Z"}


class Service(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = json.dumps({"vulns": [VULNERABLE]} if asked["package"]["name"] == "urllib3" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/query"
    server.shutdown()
    server.server_close()


def audit(directory: Path, known: str, url: str) -> tuple[int, str]:
    """Run it on a project of its own, whose lock names two packages."""
    ci = directory / ".ci"
    ci.mkdir(exist_ok=True)
    shutil.copy(AUDIT, ci)
    (ci / "vulnerabilities").write_text(known)
    uv = directory / "uv"
    uv.write_text(f"#!/bin/sh\nprintf '%s' '{LOCKED}'\n")
    uv.chmod(0o755)
    command = [sys.executable, str(ci / "audit"), "--vulnerability-service", "osv", "--osv-url", url]
    done = subprocess.run(
        command, env={"UV": str(uv), "HOME": str(directory)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_known_needs_a_reason(tmp_path: Path) -> None:
    code, said = audit(tmp_path, "# known\nPYSEC-2026-1\n", "http://127.0.0.1:1/")
    assert (code, said.rstrip()) == (
        1,
        f"{tmp_path}/.ci/vulnerabilities names PYSEC-2026-1 without a reason: say why it does not matter here.",
    )


@pytest.mark.long
def test_a_known_vulnerability_fails_the_build_unless_it_is_listed(service: str, tmp_path: Path) -> None:
    code, said = audit(tmp_path, "", service)
    assert code == 1 and "PYSEC-2026-1" in said and "urllib3" in said
    code, said = audit(tmp_path, "PYSEC-2026-1 only clients of it are affected\n", service)
    assert code == 0 and "No known vulnerabilities found, 1 ignored" in said


@pytest.mark.long
def test_where_nobody_can_be_asked_the_build_goes_on(tmp_path: Path) -> None:
    assert audit(tmp_path, "", "http://127.0.0.1:1/") == (
        0,
        "PyPI does not tell of vulnerabilities here: the dependencies were not audited.\n",
    )
