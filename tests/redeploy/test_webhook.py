"""A signed POST to a service that checks it, over HTTP."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from etna_pipelines.environments.features import feature_of
from etna_pipelines.errors import RedeployFailed, RedeployUnfinished
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.webhook import WebhookRedeployer, signed
from tests.github_faults import Fault, broken, lost_reply, reset_connection
from tests.github_http import HttpServer, Json, Reply, Request

SECRET = "between the two of us"
DATABASE = Database("localhost", 5432, "etna", "etna_development")
LOGIN = Deployment("push-1", "test/login", DATABASE, "feature-login", feature_of("feature/login"))


@dataclass
class Service:
    """Deploys each key once; its answers say so at once, or after it was asked `takes` times."""

    takes: int = 0
    ends: Json = field(default_factory=lambda: {"status": "succeeded", "version": "26.08.21.2215"})
    location: str | None = "/deployments/1"
    deployed: dict[str, Json] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = HttpServer(self.answer, self.fault_for)

    def answer(self, request: Request) -> Reply:
        if not _is_signed(request):
            return Reply(401)
        if request.method == "POST":
            self.deployed.setdefault(request.headers["idempotency-key"], request.body)
            if self.takes:
                return Reply(202, headers={"location": self.location} if self.location else {})
            return Reply(200, self.ends) if self.ends else Reply(204)
        self.takes -= 1
        return Reply(200, {"status": "running"}) if self.takes > 0 else Reply(200, self.ends)

    def fault_for(self, request: Request) -> Fault | None:
        return self.faults.pop(0) if self.faults else None


def _is_signed(request: Request) -> bool:
    """As webhook.py tells those to do who receive it."""
    timestamp, signature = request.headers["x-etna-timestamp"], request.headers["x-etna-signature-256"]
    expected = hmac.digest(SECRET.encode(), timestamp.encode() + b"." + request.content, hashlib.sha256).hex()
    return hmac.compare_digest(signature, f"sha256={expected}") and abs(time.time() - int(timestamp)) < 300


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with service.http.running():
        yield service


def redeploy(service: Service, secret: str = SECRET, patience: float = 10) -> Redeployed:
    url = f"{service.http.url}/deploy?of={{name}}"
    return WebhookRedeployer(url, secret, patience, insisting=0.5, every=0.02).redeploy(LOGIN)


def test_one_that_is_done_at_once(service: Service) -> None:
    assert redeploy(service).version == "26.08.21.2215"

    assert service.deployed == {
        "push-1": {
            "push": "push-1",
            "environment": "test/login",
            "version": "feature-login",
            "branch": "feature/login",
            "image_tag": "feature-login",
        }
    }
    assert service.http.seen[0].line == "POST /deploy?of=login"


def test_one_that_says_nothing_of_its_version(service: Service) -> None:
    service.ends = None
    assert redeploy(service).version is None


def test_one_that_is_followed_to_its_end(service: Service) -> None:
    service.takes = 3
    assert redeploy(service).version == "26.08.21.2215"
    assert [request.line for request in service.http.seen] == ["POST /deploy?of=login", *["GET /deployments/1"] * 3]


@pytest.mark.parametrize("fault", [broken(), reset_connection(), lost_reply()], ids=["502", "reset", "lost"])
def test_what_gets_no_answer_is_sent_again_under_the_same_key(service: Service, fault: Fault) -> None:
    service.faults, service.takes = [fault], 1
    redeploy(service)
    assert len(service.deployed) == 1
    assert {request.headers["idempotency-key"] for request in service.http.seen} == {"push-1"}


@pytest.mark.parametrize("ends", [{"status": "failed"}, {"status": "exploded"}, ["nothing"]])
def test_a_failure_is_one(service: Service, ends: Json) -> None:
    service.takes, service.ends = 1, ends
    with pytest.raises(RedeployFailed, match=r"^test/login was not redeployed: the webhook of 127") as raised:
        redeploy(service)
    assert not isinstance(raised.value, RedeployUnfinished)


@pytest.mark.parametrize("location", [None, "https://elsewhere.example/1"], ids=["nowhere", "another server"])
def test_a_202_must_say_where_to_look(service: Service, location: str | None) -> None:
    service.takes, service.location = 1, location
    with pytest.raises(RedeployUnfinished, match="`Location`"):
        redeploy(service)
    assert len(service.http.seen) == 1


def test_patience_ends_first(service: Service) -> None:
    service.takes = 1000
    with pytest.raises(RedeployUnfinished, match=r"did not end it within 0.1 s; run `etna redeploy test/login`"):
        redeploy(service, patience=0.1)


def test_a_service_that_is_down(service: Service) -> None:
    service.faults = [broken(503)] * 1000
    with pytest.raises(RedeployUnfinished, match="answers 503"):
        redeploy(service)


def test_another_secret_is_refused_and_shown_nowhere(service: Service) -> None:
    with pytest.raises(RedeployUnfinished, match="answered 401") as raised:
        redeploy(service, secret="hunter2")
    assert "hunter2" not in str(raised.value) + repr(WebhookRedeployer("https://x", "hunter2"))
    assert service.deployed == {}


def test_the_signature_is_the_documented_one() -> None:
    # printf '1760000000.{"push": "push-1"}' | openssl dgst -sha256 -hmac secret
    assert signed("secret", b'{"push": "push-1"}', 1760000000) == {
        "X-Etna-Timestamp": "1760000000",
        "X-Etna-Signature-256": "sha256=00c8c0ed65c36628aea91893f54642b85dc56fff6bcd1f637b69ff5946a61985",
    }
