"""Redeploying by a shell script on EC2 instances, through AWS Systems Manager's Run Command."""

import shlex
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from etna_pipelines.errors import RedeployFailed, RedeployRefused
from etna_pipelines.redeploy.aws import asked_once, asked_patiently, told_of, write_parameter
from etna_pipelines.redeploy.placeholders import fill
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.spec import SsmRedeploy
from etna_pipelines.redeploy.waiting import LOOKING, PATIENCE, REMEMBERED, wait_for

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient

DOCUMENT = "AWS-RunShellScript"
MOST_INSTANCES = 50
"""As many as SendCommand takes."""
UNDER_WAY = {"Pending", "InProgress", "Delayed", "Cancelling"}


@dataclass(frozen=True)
class SsmRedeployer:
    """Writes the version to the SSM parameter, if there is one, and runs `commands` on the running instances that
    carry all of the tags: one command, whose comment is the idempotency key.

    It needs ec2:DescribeInstances, ssm:SendCommand, ssm:ListCommands, ssm:GetCommandInvocation, and ssm:PutParameter
    for the parameter. What the commands print stays in AWS."""

    spec: SsmRedeploy
    patience: float = PATIENCE
    every: float = 5.0

    def redeploy(self, deployment: Deployment) -> Redeployed:
        began = time.monotonic()
        command = deployment.reference or self._find(deployment) or self._send(deployment)
        deployment.note(command)
        self._follow(command, deployment)
        return Redeployed(deployment.version, time.monotonic() - began)

    def _find(self, deployment: Deployment) -> str | None:
        """The command of an earlier try, whose reply was lost."""
        if not deployment.asked:
            return None
        since = f"{datetime.now(UTC) - REMEMBERED:%Y-%m-%dT%H:%M:%SZ}"

        def look() -> str | None:
            pages = (
                self._ssm()
                .get_paginator("list_commands")
                .paginate(Filters=[{"key": "InvokedAfter", "value": since}, {"key": "DocumentName", "value": DOCUMENT}])
            )
            commands = (command for page in pages for command in page["Commands"])
            return next((it["CommandId"] for it in commands if it.get("Comment") == deployment.key), None)

        with told_of(deployment, "looking for its command"):
            return wait_for(look, LOOKING, self.every)

    def _send(self, deployment: Deployment) -> str:
        script = [fill(line, deployment, shlex.quote) for line in self.spec.commands]
        instances = self._instances(deployment)
        write_parameter(self.spec.parameter, self.spec.region, deployment)
        with told_of(deployment, "starting the command"):
            sent = self._ssm(once=True).send_command(
                DocumentName=DOCUMENT,
                InstanceIds=instances,
                Parameters={"commands": script},
                Comment=deployment.key,
                TimeoutSeconds=600,  # to be delivered
            )
        return sent["Command"]["CommandId"]

    def _instances(self, deployment: Deployment) -> list[str]:
        """The running ones that carry the tags."""
        tags = {tag: fill(value, deployment) for tag, value in self.spec.ssm.items()}
        with told_of(deployment, "looking for its instances"):
            pages = (
                self._ec2()
                .get_paginator("describe_instances")
                .paginate(Filters=[{"Name": f"tag:{tag}", "Values": [value]} for tag, value in tags.items()])
            )
            states = {
                instance["InstanceId"]: instance["State"]["Name"]
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
                if instance["State"]["Name"] != "terminated"
            }
        running = sorted(instance for instance, state in states.items() if state == "running")
        wanted = ", ".join(f"{tag}={value}" for tag, value in tags.items())
        if not states:
            raise RedeployRefused(f"{deployment.failed}: no instance carries {wanted}; correct the tags of `ssm`.")
        if not running:
            raise RedeployRefused(
                f"{deployment.failed}: none of the {len(states)} instances with {wanted} is running; start them, then "
                f"run `etna redeploy {deployment.environment}`."
            )
        if len(running) > MOST_INSTANCES:
            raise RedeployRefused(
                f"{deployment.failed}: {len(running)} instances carry {wanted}, and one command reaches "
                f"{MOST_INSTANCES}; name one more tag."
            )
        return running

    def _follow(self, command: str, deployment: Deployment) -> None:
        def ended() -> dict[str, str] | None:
            """How it ended on each instance, once it has on all of them."""
            sent = ssm.list_commands(CommandId=command)["Commands"]  # none for a moment after it was sent
            states = {instance: self._state(ssm, command, instance) for it in sent for instance in it["InstanceIds"]}
            return states if states and not UNDER_WAY & set(states.values()) else None

        with told_of(deployment, f"following command {command}"):
            ssm = self._ssm()
            states = wait_for(ended, self.patience, self.every)
        if states is None:
            raise deployment.not_ended(f"command {command}", self.patience)
        if failed := {instance: state for instance, state in states.items() if state != "Success"}:
            named = ", ".join(f"{instance} ({state})" for instance, state in sorted(failed.items()))
            raise RedeployFailed(
                f"{deployment.failed}: command {command} failed on {named}, {len(failed)} of {len(states)} instances; "
                f"read its output in AWS Systems Manager, then run `etna redeploy {deployment.environment}`."
            )

    def _state(self, ssm: "SSMClient", command: str, instance: str) -> str:
        try:
            return ssm.get_command_invocation(CommandId=command, InstanceId=instance)["Status"]
        except ssm.exceptions.InvocationDoesNotExist:  # for a moment after it was sent
            return "Pending"

    def _ssm(self, once: bool = False) -> "SSMClient":
        import boto3

        return boto3.client("ssm", region_name=self.spec.region, config=asked_once() if once else asked_patiently())

    def _ec2(self) -> "EC2Client":
        import boto3

        return boto3.client("ec2", region_name=self.spec.region, config=asked_patiently())
