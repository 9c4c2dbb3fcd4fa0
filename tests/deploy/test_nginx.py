"""A real nginx with deploy/nginx.conf, before two real webservers: who gets in, and who may do what."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.certificates import Authority
from tests.flows.checkout import PROJECT, Checkout

HOST = "dagster.example.internal"
USERS = {"ada": "operator's", "grace": "looker's"}
LOCATION = 'repositoryLocationName: "etna_pipelines.definitions", repositoryName: "__repository__"'
SCHEDULE = f'{{{LOCATION}, scheduleName: "nightly_schedule"}}'
START = f"mutation {{ startSchedule(scheduleSelector: {SCHEDULE}) {{ __typename }} }}"
LOOK = "{ version }"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
]


@dataclass(frozen=True)
class Proxy:
    port: int
    plain_port: int
    authority: Path

    def ask(self, user: str | None, query: str, **headers: str) -> httpx.Response:
        """A GraphQL request, as the UI makes them."""
        return self.client(user).post("/graphql", json={"query": query}, headers=headers)

    def client(self, user: str | None) -> httpx.Client:
        """Finds the host on this machine, and checks its certificate."""
        transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(self.authority)))
        client = httpx.Client(
            transport=transport,
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": HOST},
            timeout=60,
            auth=(user, USERS.get(user, "wrong")) if user else None,
        )
        client.event_hooks = {"request": [lambda request: request.extensions.update(sni_hostname=HOST)]}
        return client


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    directory = tmp_path_factory.mktemp("nginx")
    directory.chmod(0o755)
    checkout = Checkout.make(tmp_path_factory.mktemp("webservers"))
    ports = {name: free_port() for name in ("443 ssl", "80", "3000", "3001")}
    authority = Authority(directory)
    signed = authority.sign("dagster", HOST)
    users = directory / "dagster.users"
    users.write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user, password in USERS.items()))
    with ExitStack() as running:
        for name, options in (("3000", []), ("3001", ["--read-only"])):
            running.enter_context(webserver(checkout, ports[name], *options))
        running.enter_context(nginx(directory, ports, {"crt": signed.certificate, "key": signed.key, "users": users}))
        yield Proxy(ports["443 ssl"], ports["80"], authority.file)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def webserver(checkout: Checkout, port: int, *options: str) -> Iterator[None]:
    command = [sys.executable, "-m", "dagster_webserver", "-m", "etna_pipelines.definitions"]
    command += ["--host", "127.0.0.1", "--port", str(port), *options]
    environment = checkout.environment | {"DAGSTER_HOME": str(checkout.root)}
    log = checkout.root / f"{port}.log"
    with log.open("w") as said:
        process = subprocess.Popen(command, cwd=checkout.root, env=environment, stdout=said, stderr=said)
    try:
        await_port(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def nginx(directory: Path, ports: dict[str, int], files: dict[str, Path]) -> Iterator[None]:
    """The file as it stands, but for ports and places."""
    site = (PROJECT / "deploy/nginx.conf").read_text()
    for written, port in ports.items():
        pattern = rf"listen {written};" if written in ("443 ssl", "80") else rf"127\.0\.0\.1:{written};"
        new = f"listen 127.0.0.1:{port}{written.removeprefix('443').removeprefix('80')};"
        site, count = re.subn(pattern, new if pattern.startswith("listen") else f"127.0.0.1:{port};", site)
        assert count == 1
    for name, path in files.items():
        site = site.replace(f"/etc/nginx/dagster.{name}", str(path))
    whole = directory / "nginx.conf"
    log = directory / "error.log"
    account = "user root; " if os.geteuid() == 0 else ""  # only we may look into the directory
    whole.write_text(
        f"{account}daemon off; pid {directory}/pid; error_log {log}; events {{}} http {{ access_log off;\n{site}}}"
    )
    process = subprocess.Popen([shutil.which("nginx") or "", "-e", str(log), "-c", str(whole)])
    try:
        await_port(ports["443 ssl"], process, log)
        yield
    finally:
        process.terminate()
        process.wait()


def await_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_nobody_gets_in_without_a_login(proxy: Proxy) -> None:
    for path in ("/", "/graphql?query={version}", "/server_info"):
        assert proxy.client(None).get(path).status_code in (401, 403)
    assert proxy.client(None).get("/").status_code == 401
    assert proxy.client("mallory").get("/").status_code == 401
    assert proxy.ask(None, LOOK).status_code == 401
    assert proxy.ask("mallory", START).status_code == 401


def test_plain_http_only_says_where_to_go(proxy: Proxy) -> None:
    answer = httpx.get(f"http://127.0.0.1:{proxy.plain_port}/runs", headers={"Host": HOST})
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{HOST}/runs")


def test_who_is_let_in_sees_everything_and_only_operators_change_it(proxy: Proxy) -> None:
    for user in USERS:
        page = proxy.client(user).get("/runs")
        assert page.status_code == 200 and "Dagster" in page.text
        assert proxy.ask(user, LOOK).json()["data"]["version"]
    assert proxy.ask("grace", START).json()["data"]["startSchedule"] == {"__typename": "UnauthorizedError"}
    assert proxy.ask("ada", START).json()["data"]["startSchedule"] == {"__typename": "ScheduleStateResult"}


def test_other_sites_cannot_give_orders_in_an_operators_name(proxy: Proxy) -> None:
    """What a browser sends along with a login that it knows."""
    elsewhere, ada = "https://elsewhere.example.org", proxy.client("ada")
    as_page = {"Origin": f"https://{HOST}"}
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "graphql-ws"}  # fmt: skip
    assert ada.get("/graphql", params={"query": START}).status_code == 403
    assert ada.post("/graphql", data={"query": START}, headers={"Origin": elsewhere}).status_code == 403
    assert ada.post("/graphql", data={"query": START}).status_code == 403
    assert proxy.ask("ada", START, Origin=elsewhere).status_code == 403
    assert ada.post("/report_asset_materialization/x", json={}, headers={"Origin": elsewhere}).status_code == 403
    assert ada.get("/graphql", headers=upgrade | {"Origin": elsewhere}).status_code == 403
    assert proxy.ask("ada", LOOK, **as_page).status_code == 200
    with ada.stream("GET", "/graphql", headers=upgrade | as_page) as opened:
        assert opened.status_code == 101
