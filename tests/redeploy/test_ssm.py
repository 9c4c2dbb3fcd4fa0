"""A shell script on EC2 instances. AWS is moto's, over HTTP: it runs no script, and says of each instance what it is
told to say."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest

from etna_pipelines.errors import RedeployFailed, RedeployRefused, RedeployUnfinished
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.redeployer import Deployment
from etna_pipelines.redeploy.spec import SsmRedeploy
from etna_pipelines.redeploy.ssm import SsmRedeployer
from tests.redeploy.conftest import ACCOUNT, REGION

if TYPE_CHECKING:
    from moto.ssm.models import Command

DATABASE = Database("localhost", 5432, "etna", "etna_staging")
_numbers = itertools.count(1)


@pytest.fixture
def staging(aws: str, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    from moto.ssm.models import Command

    # A command for instances by their ids is for all instances at moto's, and not at AWS.
    monkeypatch.setattr(Command, "_get_instance_ids_from_targets", lambda self: [])
    return Deployment(f"push-{next(_numbers)}", "staging", DATABASE, "26.08.21.2215")


def instances(name: str, count: int) -> list[str]:
    ec2 = boto3.client("ec2")
    tags = [{"Key": "Name", "Value": name}, {"Key": "Application", "Value": "etna"}]
    reserved = ec2.run_instances(
        ImageId="ami-12c6146b",
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],  # type: ignore[list-item]
    )
    return sorted(instance["InstanceId"] for instance in reserved["Instances"])


def sent(deployment: Deployment) -> "list[Command]":
    from moto.ssm.models import ssm_backends

    commands = ssm_backends[ACCOUNT][REGION]._commands
    return [command for command in commands if command.comment.startswith(deployment.push)]


def redeploy(deployment: Deployment, name: str, patience: float = 5, parameter: str | None = None) -> None:
    spec = SsmRedeploy(
        ssm={"Name": name, "Application": "etna"}, commands=["./startup.sh {version}"], parameter=parameter
    )
    SsmRedeployer(spec, patience, every=0.02).redeploy(deployment)


def saying(*states: str) -> Callable[[Deployment], Deployment]:
    """The instances of the command say this, from when it was sent."""

    def make(deployment: Deployment) -> Deployment:
        def note(reference: str) -> None:
            [command] = [command for command in sent(deployment) if command.command_id == reference]
            for invocation, state in zip(command.invocations, states, strict=True):
                invocation["Status"] = state

        return replace(deployment, note=note)

    return make


def test_the_version_is_written_and_the_script_run_on_every_running_instance(staging: Deployment) -> None:
    running, stopped = instances("web", 3), instances("web", 1)
    boto3.client("ec2").stop_instances(InstanceIds=stopped)
    instances("other", 1)
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name="/etna/image", Value="before", Type="String")

    redeploy(staging, "web", parameter="/etna/image")

    [command] = sent(staging)
    assert (command.document_name, sorted(command.instance_ids)) == ("AWS-RunShellScript", running)
    assert (command.comment, command.parameters) == (staging.push, {"commands": ["./startup.sh 26.08.21.2215"]})
    assert ssm.get_parameter(Name="/etna/image")["Parameter"]["Value"] == "26.08.21.2215"


def test_one_of_three_failing_is_a_failure_that_names_it(staging: Deployment) -> None:
    instances("three", 3)
    with pytest.raises(RedeployFailed) as raised:
        redeploy(saying("Success", "Failed", "Success")(staging), "three")

    [command] = sent(staging)
    failed = command.invocations[1]["InstanceId"]
    assert f"failed on {failed} (Failed), 1 of 3 instances" in str(raised.value)
    assert not isinstance(raised.value, RedeployUnfinished)


def test_what_was_sent_is_found_or_followed_and_not_sent_again(staging: Deployment) -> None:
    instances("once", 1)
    noted: list[str] = []
    redeploy(replace(staging, note=noted.append), "once")
    again = replace(staging, asked=datetime.now(UTC))
    redeploy(again, "once")  # the reply was lost
    redeploy(replace(again, reference=noted[0]), "once")

    assert [command.command_id for command in sent(staging)] == noted

    redeploy(replace(staging, attempt=2), "once")
    assert [command.comment for command in sent(staging)] == [staging.push, f"{staging.push}-2"]


def test_patience_ends_before_the_script_does(staging: Deployment) -> None:
    instances("slow", 1)
    with pytest.raises(RedeployUnfinished, match=r"did not end within 0.1 s; run `etna redeploy staging`"):
        redeploy(saying("InProgress")(staging), "slow", patience=0.1)


def test_no_instance_is_there_or_running(staging: Deployment) -> None:
    with pytest.raises(RedeployRefused, match="no instance carries Name=nowhere, Application=etna"):
        redeploy(staging, "nowhere")
    boto3.client("ec2").stop_instances(InstanceIds=instances("asleep", 2))
    with pytest.raises(RedeployRefused, match="none of the 2 instances with Name=asleep, Application=etna is runn"):
        redeploy(staging, "asleep")
    assert sent(staging) == []
