"""AWS, for the redeployers: boto3's clients, and what goes wrong there as sentences.

Credentials are boto3's business: AWS_... variables or a profile. Only error codes are passed on: texts may quote what
was sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from etna_pipelines.errors import RedeployUnfinished
from etna_pipelines.redeploy.placeholders import fill
from etna_pipelines.redeploy.redeployer import Deployment

if TYPE_CHECKING:
    from botocore.config import Config

LONGEST_LAMBDA = 900
"""Seconds: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def asked_once(read_timeout: float = 60) -> "Config":
    """For calls that do something: sent once, as boto3 would send one again whose reply was lost."""
    from botocore.config import Config

    return Config(connect_timeout=10, read_timeout=read_timeout, retries={"total_max_attempts": 1}, tcp_keepalive=True)


def asked_patiently() -> "Config":
    """For calls that only look, or that do no harm twice."""
    from botocore.config import Config

    return Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 6})


def write_parameter(name: str | None, region: str | None, deployment: Deployment) -> None:
    """Write the version to an SSM parameter, where there is one and a version is known. It must be there already: a
    misspelt one is not made. Needs ssm:PutParameter."""
    import boto3

    if name and deployment.version:
        with told_of(deployment, "writing the version to its parameter"):
            ssm = boto3.client("ssm", region_name=region, config=asked_patiently())
            ssm.put_parameter(Name=fill(name, deployment), Value=fill("{version}", deployment), Overwrite=True)


@contextmanager
def told_of(deployment: Deployment, doing: str) -> Iterator[None]:
    """Turn errors of AWS and botocore into RedeployUnfinished: what was asked of AWS may have arrived or not."""
    from botocore.exceptions import BotoCoreError, ClientError

    again = f"then run `etna redeploy {deployment.environment}`, which goes on with it."
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "no code")
        raise RedeployUnfinished(
            f"{deployment.unfinished}: AWS refused {doing} ({error.operation_name}: {code}); check the names in "
            f"`redeploy` and what the credentials may do, {again}"
        ) from None
    except BotoCoreError as error:
        raise RedeployUnfinished(
            f"{deployment.unfinished}: {doing} got no answer from AWS ({type(error).__name__}); check the network, the "
            f"region and the AWS_... variables, {again}"
        ) from None
