"""Redeploying a service of Amazon ECS: a new deployment, forced."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etna_pipelines.errors import RedeployFailed, RedeployUnfinished
from etna_pipelines.redeploy.aws import asked_once, asked_patiently, told_of
from etna_pipelines.redeploy.placeholders import fill
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.spec import EcsRedeploy
from etna_pipelines.redeploy.waiting import LOOKING, PATIENCE, wait_for

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef

BEFORE = "after "
"""Begins the reference that is kept before asking: the deployment that is to be replaced."""


@dataclass(frozen=True)
class EcsRedeployer:
    """Starts the service's tasks anew, with its task definition as it stands, and waits until the roll-out is complete.

    UpdateService takes no idempotency key: so the deployment that serves is noted first, and if another one has
    replaced it when a try goes on, that one is ours. It needs ecs:DescribeServices and ecs:UpdateService."""

    spec: EcsRedeploy
    patience: float = PATIENCE
    every: float = 5.0

    def redeploy(self, deployment: Deployment) -> Redeployed:
        began = time.monotonic()
        cluster, _, service = fill(self.spec.ecs, deployment).rpartition("/")
        id_ = self._known(cluster, service, deployment) or self._force(cluster, service, deployment)
        deployment.note(id_)
        self._follow(cluster, service, id_, deployment)
        return Redeployed(deployment.version, time.monotonic() - began)

    def _known(self, cluster: str, service: str, deployment: Deployment) -> str | None:
        """The deployment that an earlier try asked for."""
        reference = deployment.reference or ""
        if not reference.startswith(BEFORE):
            return reference or None

        def look() -> str | None:
            newest = self._primary(cluster, service, deployment)
            return newest if newest != reference.removeprefix(BEFORE) else None

        return wait_for(look, LOOKING, self.every)

    def _force(self, cluster: str, service: str, deployment: Deployment) -> str:
        deployment.note(f"{BEFORE}{self._primary(cluster, service, deployment)}")
        with told_of(deployment, f"a new deployment of {service}"):
            asked = self._ecs(once=True).update_service(cluster=cluster, service=service, forceNewDeployment=True)
        return _primary_of(asked["service"]["deployments"])

    def _follow(self, cluster: str, service: str, id_: str, deployment: Deployment) -> None:
        def ended() -> str | None:
            ours = [it for it in self._deployments(cluster, service, deployment) if it["id"] == id_]
            state = ours[0].get("rolloutState") if ours else "REPLACED"
            return None if state == "IN_PROGRESS" else state

        state = wait_for(ended, self.patience, self.every)
        if state is None:
            raise deployment.not_ended(f"deployment {id_} of {service}", self.patience)
        if state != "COMPLETED":
            what = "was replaced by another one before it was complete" if state == "REPLACED" else f"ended as {state}"
            raise RedeployFailed(
                f"{deployment.failed}: deployment {id_} of {service} {what}; read the service's events in ECS, then "
                f"run `etna redeploy {deployment.environment}`."
            )

    def _primary(self, cluster: str, service: str, deployment: Deployment) -> str:
        return _primary_of(self._deployments(cluster, service, deployment))

    def _deployments(self, cluster: str, service: str, deployment: Deployment) -> "list[DeploymentTypeDef]":
        with told_of(deployment, f"looking at {service}"):
            services = self._ecs().describe_services(cluster=cluster, services=[service])["services"]
        if not services or not services[0]["deployments"]:
            raise RedeployUnfinished(
                f"{deployment.failed}: ECS has no service {service} in {cluster} with deployments of its own; correct "
                "`ecs`."
            )
        return services[0]["deployments"]

    def _ecs(self, once: bool = False) -> "ECSClient":
        import boto3

        return boto3.client("ecs", region_name=self.spec.region, config=asked_once() if once else asked_patiently())


def _primary_of(deployments: "list[DeploymentTypeDef]") -> str:
    """The newest deployment, which the service is on its way to."""
    return next(it["id"] for it in deployments if it["status"] == "PRIMARY")
