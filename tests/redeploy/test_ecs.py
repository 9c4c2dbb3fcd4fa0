"""A service of ECS. AWS is moto's, over HTTP: it runs no task, and a deployment is as far as it is told to be."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from etna_pipelines.errors import RedeployFailed, RedeployUnfinished
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.ecs import EcsRedeployer
from etna_pipelines.redeploy.redeployer import Deployment
from etna_pipelines.redeploy.spec import EcsRedeploy
from tests.redeploy.conftest import ACCOUNT, REGION

STAGING = Deployment("push-1", "staging", Database("localhost", 5432, "etna", "etna_staging"), "26.08.21.2215")
_numbers = itertools.count(1)


@pytest.fixture
def service(aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """`cluster/service`, which runs."""
    monkeypatch.setattr("etna_pipelines.redeploy.ecs.LOOKING", 0.1)
    ecs, name = boto3.client("ecs"), f"web-{next(_numbers)}"
    ecs.create_cluster(clusterName="etna")
    task = ecs.register_task_definition(family=name, containerDefinitions=[{"name": name, "image": name, "memory": 9}])
    arn = task["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster="etna", serviceName=name, taskDefinition=arn, desiredCount=1)
    return f"etna/{name}"


def deployment_of(service: str) -> dict[str, Any]:
    from moto.ecs.models import ecs_backends

    found: dict[str, Any] = ecs_backends[ACCOUNT][REGION].services[service.replace("/", ":")].deployments[0]
    return found


def ending(service: str, state: str, noted: list[str] | None = None) -> Callable[[str], None]:
    """Its deployment ends so, once it was asked for."""

    def note(reference: str) -> None:
        if noted is not None:
            noted.append(reference)
        if not reference.startswith("after "):
            deployment_of(service)["rolloutState"] = state

    return note


def redeploy(service: str, deployment: Deployment, patience: float = 5) -> None:
    EcsRedeployer(EcsRedeploy(ecs=service), patience, every=0.02).redeploy(deployment)


def test_a_new_deployment_is_forced_and_followed(service: str) -> None:
    before, noted = deployment_of(service)["id"], list[str]()

    redeploy(service, replace(STAGING, note=ending(service, "COMPLETED", noted)))

    now = deployment_of(service)["id"]
    assert now != before
    assert noted == [f"after {before}", now]


def test_what_was_asked_for_is_gone_on_with(service: str) -> None:
    noted: list[str] = []
    redeploy(service, replace(STAGING, note=ending(service, "COMPLETED", noted)))
    now = deployment_of(service)["id"]
    for reference in noted:  # the reply was lost; or it was noted
        again = replace(STAGING, asked=datetime.now(UTC), reference=reference)
        redeploy(service, replace(again, note=ending(service, "COMPLETED")))
    assert deployment_of(service)["id"] == now


def test_what_was_never_asked_for_is_asked_for_by_the_next_try(service: str) -> None:
    before = deployment_of(service)["id"]
    again = replace(STAGING, asked=datetime.now(UTC), reference=f"after {before}")
    redeploy(service, replace(again, note=ending(service, "COMPLETED")))
    assert deployment_of(service)["id"] != before


def test_a_failed_one_is_told(service: str) -> None:
    with pytest.raises(RedeployFailed, match=r"ended as FAILED; read the service's events in ECS"):
        redeploy(service, replace(STAGING, note=ending(service, "FAILED")))


def test_one_that_another_replaced_is_told(service: str) -> None:
    def note(reference: str) -> None:
        if not reference.startswith("after "):
            deployment_of(service)["id"] = "ecs-svc/another"

    with pytest.raises(RedeployFailed, match="was replaced by another one"):
        redeploy(service, replace(STAGING, note=note))


def test_patience_ends_first(service: str) -> None:
    with pytest.raises(RedeployUnfinished, match=r"did not end within 0.1 s"):
        redeploy(service, replace(STAGING, note=ending(service, "IN_PROGRESS")), patience=0.1)


def test_a_service_that_is_not_there(service: str) -> None:
    with pytest.raises(RedeployUnfinished, match="ECS has no service nowhere in etna"):
        redeploy("etna/nowhere", STAGING)
