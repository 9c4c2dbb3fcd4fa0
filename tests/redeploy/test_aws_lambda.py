"""A Lambda function. AWS is moto's, over HTTP: it runs no function and answers what it is told to. It knows no
function that ends in an error, and loses no reply: for those there is a server of ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import boto3
import pytest

from etna_pipelines.errors import RedeployFailed, RedeployUnfinished
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.aws_lambda import LambdaRedeployer
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.spec import LambdaRedeploy
from tests.github_faults import Fault, lost_reply
from tests.github_http import HttpServer, Reply, Request
from tests.redeploy.conftest import ACCOUNT, REGION

STAGING = Deployment("push-1", "staging", Database("localhost", 5432, "etna", "etna_staging"), "26.08.21.2215")


def redeploy() -> Redeployed:
    spec = {"lambda": "deploy-{name}", "payload": {"image": "etna:{version}"}, "parameter": "/etna/{name}"}
    return LambdaRedeployer(LambdaRedeploy.model_validate(spec)).redeploy(STAGING)


def test_what_the_function_answers_is_the_version(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.awslambda_simple.models import lambda_simple_backends
    from moto.core.config import default_user_config

    monkeypatch.setitem(default_user_config, "lambda", {"use_docker": False})
    answers = lambda_simple_backends[ACCOUNT][REGION].lambda_simple_results_queue
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name="/etna/staging", Value="before", Type="String")

    answers += ['{"version": "26.08.21.2216"}', '"done"']
    assert [redeploy().version, redeploy().version] == ["26.08.21.2216", None]
    assert ssm.get_parameter(Name="/etna/staging")["Parameter"]["Value"] == "26.08.21.2215"


@dataclass
class Lambda:
    """Ends in an error, or does not get that far."""

    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = HttpServer(self.answer, self.fault_for)

    @property
    def invoked(self) -> list[Request]:
        return [request for request in self.http.seen if "functions" in request.path]

    def answer(self, request: Request) -> Reply:
        headers = {"x-amz-function-error": "Unhandled"} if request in self.invoked else {}
        return Reply(200, {"errorMessage": "hunter2"}, headers)

    def fault_for(self, request: Request) -> Fault | None:
        return self.faults.pop() if self.faults and request in self.invoked else None


@pytest.fixture
def failing(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    failing = Lambda()
    monkeypatch.setenv("AWS_ENDPOINT_URL", failing.http.url)
    with failing.http.running():
        yield failing


def test_a_function_that_ends_in_an_error(failing: Lambda) -> None:
    with pytest.raises(RedeployFailed, match=r"deploy-staging ended in an error \(Unhandled\)") as raised:
        redeploy()
    assert not isinstance(raised.value, RedeployUnfinished)
    assert "hunter2" not in str(raised.value)
    [request] = failing.invoked
    assert request.path == "/2015-03-31/functions/deploy-staging/invocations"
    assert request.body == {
        "environment": "staging",
        "image": "etna:26.08.21.2215",
        "push": "push-1",
        "version": "26.08.21.2215",
    }


def test_a_lost_reply_invokes_once(failing: Lambda) -> None:
    failing.faults.append(lost_reply())
    with pytest.raises(RedeployUnfinished, match=r"got no answer from AWS \(ConnectionClosedError\)"):
        redeploy()
    assert len(failing.invoked) == 1
