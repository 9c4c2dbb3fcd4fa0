"""Redeploying by an AWS Lambda function."""

import json
import time
from dataclasses import dataclass

from etna_pipelines.errors import RedeployFailed
from etna_pipelines.redeploy.aws import LONGEST_LAMBDA, asked_once, told_of, write_parameter
from etna_pipelines.redeploy.health import version_in
from etna_pipelines.redeploy.placeholders import fill, fill_values
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.spec import LambdaRedeploy


@dataclass(frozen=True)
class LambdaRedeployer:
    """Invokes the function and waits for its end. It may answer `{"version": ...}`, what serves now.

    Its event is the payload with `push`, the idempotency key, and `environment`, and `version` where one is known.
    Where the reply is lost, the next try sends the same `push`: the function must not deploy that a second time. It
    needs lambda:InvokeFunction, and ssm:PutParameter for the parameter."""

    spec: LambdaRedeploy

    def redeploy(self, deployment: Deployment) -> Redeployed:
        import boto3

        began = time.monotonic()
        function = fill(self.spec.function, deployment)
        event = {"environment": deployment.environment} | fill_values(self.spec.payload, deployment)
        event |= {"push": deployment.key} | ({"version": deployment.version} if deployment.version else {})
        write_parameter(self.spec.parameter, self.spec.region, deployment)
        with told_of(deployment, f"invoking {function}"):
            # A function runs for 15 minutes at the most.
            config = asked_once(read_timeout=LONGEST_LAMBDA + 10)
            answer = boto3.client("lambda", region_name=self.spec.region, config=config).invoke(
                FunctionName=function, InvocationType="RequestResponse", Payload=json.dumps(event).encode()
            )
            said = answer["Payload"].read()
        if how := answer.get("FunctionError"):
            raise RedeployFailed(
                f"{deployment.failed}: {function} ended in an error ({how}); read its log in CloudWatch, then run "
                f"`etna redeploy {deployment.environment}`."
            )
        return Redeployed(version_in(said) if said.startswith(b"{") else None, time.monotonic() - began)
