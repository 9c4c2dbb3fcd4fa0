"""Pages, ETags, limits, lost connections and redirects, against a server that has them."""

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from etna_pipelines.errors import GitHubError, GitHubRefused, LostReply
from etna_pipelines.github.client import GitHub
from etna_pipelines.github.limits import Patience
from etna_pipelines.github.spec import GitHubSpec
from tests.github_faults import (
    Fault,
    broken,
    cut_body,
    dripping,
    lost_reply,
    primary_limit,
    reset_connection,
    secondary_limit,
    slow,
)
from tests.github_http import HttpServer, Reply
from tests.github_repository import Workflow
from tests.github_server import TOKEN, GitHubServer


@pytest.fixture
def features(github_server: GitHubServer) -> list[str]:
    """25 branches on three pages."""
    names = [f"feature/{number:03}" for number in range(25)]
    for name in names:
        github_server.add_branch(name)
    github_server.page = 10
    return names


@pytest.fixture
def deploy(github_server: GitHubServer) -> Workflow:
    """A workflow that can be dispatched."""
    github_server.add_branch("main")
    github_server.workflows["deploy.yml"] = Workflow({"push"})
    return github_server.workflows["deploy.yml"]


def names(github: GitHub) -> list[str]:
    return [branch.name for branch in github.branches("feature/")]


def test_what_has_not_changed_costs_nothing(
    github_server: GitHubServer, github: GitHub, features: list[str], tmp_path: Path
) -> None:
    assert names(github) == features
    left = github_server.remaining

    with GitHub.open(github_server.spec, TOKEN, tmp_path / "github") as later:  # another process, the next tick
        assert names(later) == features
    assert github_server.remaining == left
    assert [request.status for request in github_server.requests] == [200, 200, 200, 304, 304, 304]

    del github_server.branches["feature/012"]
    assert names(github) == [name for name in features if name != "feature/012"]
    assert github_server.remaining == left - 2  # the pages from there on


def test_a_full_last_page_may_get_a_next_one(github_server: GitHubServer, github: GitHub, features: list[str]) -> None:
    for name in features[10:]:
        del github_server.branches[name]
    assert names(github) == features[:10]

    github_server.add_branch("feature/new")

    assert names(github) == [*features[:10], "feature/new"]


def test_passing_failures_are_tried_again(github_server: GitHubServer, github: GitHub, features: list[str]) -> None:
    for fault in (cut_body(3), broken(502, 3), broken(500), reset_connection(3), lost_reply(3)):
        fault.on = "page=2"
        github_server.faults.append(fault)
        assert names(github) == features
    assert github_server.faults == []


def test_a_page_that_fails_fails_the_listing(github_server: GitHubServer, github: GitHub, features: list[str]) -> None:
    for fault, told in (
        (broken(503, 4), r"failed \(503\) at reading the branches of nationalarchives/ds-wagtail: run this again"),
        (cut_body(4), "stopped answering"),
        (reset_connection(4), "stopped answering"),
    ):
        fault.on = "page=3"
        github_server.faults.append(fault)
        with pytest.raises(GitHubError, match=told) as raised:
            github.branches("feature/")
        assert raised.value.retryable
    assert names(github) == features


def test_an_answer_that_is_none_is_not_remembered(
    github_server: GitHubServer, github: GitHub, features: list[str]
) -> None:
    github_server.faults.append(Fault(status=200, headers={"etag": '"x"'}, message="a proxy's page"))

    with pytest.raises(GitHubError, match="did not answer as GitHub does"):
        github.branches("feature/")
    assert names(github) == features


def test_a_limit_is_waited_for(github_server: GitHubServer, github: GitHub, deploy: Workflow) -> None:
    github_server.faults.append(primary_limit(0))
    began = time.monotonic()

    github.dispatch_workflow("deploy.yml", "main", {})  # it was refused, so it may be asked again

    assert 1 <= time.monotonic() - began < 30
    assert len(github_server.dispatches) == 1


def test_a_limit_that_lasts_is_told(github_server: GitHubServer, github: GitHub, features: list[str]) -> None:
    began = time.monotonic()
    for fault in (primary_limit(1800), secondary_limit(60)):
        github_server.faults.append(fault)
        with pytest.raises(GitHubError, match=r"lets nobody in before \d\d:\d\d UTC") as raised:
            github.branches("feature/")
        assert raised.value.retryable
    assert time.monotonic() - began < 30


def test_a_post_is_sent_once(github_server: GitHubServer, github: GitHub, deploy: Workflow) -> None:
    for fault, arrived in ((lost_reply(), 1), (cut_body(), 2), (reset_connection(), 2), (broken(502), 2)):
        github_server.faults.append(fault)
        with pytest.raises(
            LostReply, match=r"dispatching `deploy.yml` of .*, and may have done it: look there"
        ) as raised:
            github.dispatch_workflow("deploy.yml", "main", {})
        assert not raised.value.retryable
        assert len(github_server.dispatches) == arrived
    assert github_server.count("dispatches") == 4


def test_a_post_that_was_never_sent_is_no_lost_one(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # without listening
        spec = GitHubSpec(repository="a/b", api_url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with (
            GitHub.open(spec, TOKEN, patience=Patience(pause=0.01)) as github,
            pytest.raises(GitHubError, match=r"127.0.0.1 cannot be reached for dispatching `deploy.yml`") as raised,
        ):
            github.dispatch_workflow("deploy.yml", "main", {})
    assert raised.value.retryable


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HttpServer(lambda request: Reply(200, []), lambda request: None)
    server.socket = _self_signed(tmp_path / "its.pem").wrap_socket(server.socket, server_side=True)
    spec = GitHubSpec(repository="a/b", api_url=server.url.replace("http:", "https:"))
    with server.running():
        with (
            GitHub.open(spec, TOKEN) as github,
            pytest.raises(GitHubRefused, match=r"127.0.0.1 has no certificate that is trusted here: set SSL_CERT_FILE"),
        ):
            github.tags()
        assert server.seen == []

        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "its.pem"))
        with GitHub.open(spec, TOKEN) as github:
            assert github.tags() == []


def _self_signed(pem: Path) -> ssl.SSLContext:
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_a_reply_that_takes_too_long(github_server: GitHubServer, deploy: Workflow) -> None:
    github_server.faults.append(slow(0.5, times=2))
    hasty = Patience(reply=0.1, whole=0.3, tries=1)

    with GitHub.open(github_server.spec, TOKEN, patience=hasty) as github:
        with pytest.raises(GitHubError, match="stopped answering"):
            github.tags()
        with pytest.raises(LostReply):
            github.dispatch_workflow("deploy.yml", "main", {})
        github_server.add_tag("v1")
        github_server.faults.append(dripping(0.05))  # never silent for long, and without end
        with pytest.raises(GitHubError, match="stopped answering"):
            github.tags()


def test_a_renamed_repository(github_server: GitHubServer, features: list[str], deploy: Workflow) -> None:
    github_server.former_names.add("nationalarchives/old-name")
    spec = github_server.spec.model_copy(update={"repository": "nationalarchives/old-name"})

    with GitHub.open(spec, TOKEN) as github:
        assert names(github) == features
        assert github.dispatch_workflow("deploy.yml", "main", {"push": "1"})
    assert github_server.dispatches == [("deploy.yml", {"push": "1"})]


def test_the_token_goes_nowhere_else(github_server: GitHubServer, github: GitHub, features: list[str]) -> None:
    elsewhere = "http://localhost:1/repos/a/b/tags"
    for fault in (
        Fault(status=301, headers={"location": elsewhere}),
        Fault(status=307, headers={"location": elsewhere}),
        Fault(headers={"link": f'<{elsewhere}>; rel="next"'}),
    ):
        github_server.faults.append(fault)
        with pytest.raises(GitHubRefused, match=r"to another server: correct `github.api_url`"):
            github.tags()


def test_redirects_and_pages_without_end(github_server: GitHubServer, github: GitHub) -> None:
    tags = f"{github_server.url}/repos/{github_server.repository}/tags?per_page=100"

    github_server.faults.append(Fault(status=301, headers={"location": tags}, times=6))
    with pytest.raises(GitHubRefused, match="answered 301"):
        github.tags()
    github_server.faults.append(Fault(headers={"link": f'<{tags}>; rel="next"'}))
    with pytest.raises(GitHubError, match="go round in a circle"):
        github.tags()
