"""An AWS that is spoken to over HTTP and enforces the policies of deploy/iam.

It is no AWS in two respects. It knows no conditions, so they are taken out. And of a request to delete several keys it
looks at the bucket only, so nobody may send one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import boto3
import httpx

Role = Literal["runner", "pruner", "developer"]
ROLES: tuple[Role, ...] = ("runner", "pruner", "developer")
Keys = tuple[str, str]

POLICIES = Path(__file__).parents[1] / "deploy/iam"
EXAMPLE = "example-etna-snapshots"


@contextmanager
def enforced(server: str, bucket: str) -> Iterator[Mapping[Role, Keys]]:
    """The access key of a user with each policy; until the end every request needs one that allows it."""
    iam = boto3.client("iam", endpoint_url=server)
    made: dict[Role, Keys] = {}
    for role in ROLES:
        iam.create_user(UserName=role)
        iam.put_user_policy(UserName=role, PolicyName="etna", PolicyDocument=json.dumps(_unconditional(role, bucket)))
        key = iam.create_access_key(UserName=role)["AccessKey"]
        made[role] = (key["AccessKeyId"], key["SecretAccessKey"])
    _enforce(server, after=0)
    try:
        yield made
    finally:
        _enforce(server, after=float("inf"))
        for role, (key_id, _) in made.items():
            iam.delete_access_key(UserName=role, AccessKeyId=key_id)
            iam.delete_user_policy(UserName=role, PolicyName="etna")
            iam.delete_user(UserName=role)


def statements(role: Role) -> list[dict[str, object]]:
    """Of a policy, as it stands in deploy/iam."""
    policy: dict[str, list[dict[str, object]]] = json.loads((POLICIES / f"{role}.json").read_text())
    return policy["Statement"]


def _unconditional(role: Role, bucket: str) -> dict[str, object]:
    policy: dict[str, object] = json.loads((POLICIES / f"{role}.json").read_text().replace(EXAMPLE, bucket))
    without = [
        {name: value for name, value in statement.items() if name != "Condition"}
        for statement in json.loads(json.dumps(policy["Statement"]))
    ]
    return policy | {"Statement": without}


def _enforce(server: str, after: float) -> None:
    """So many requests need no permission any more."""
    httpx.post(f"{server}/moto-api/reset-auth", content=str(after), headers={"Content-Type": "text/plain"})
