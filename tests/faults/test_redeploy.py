"""What systems that deploy do to a redeploy, which must be asked for once."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from etna_pipelines.postgres.handover import comment_of
from tests.faults import flows
from tests.faults.cases import case
from tests.faults.processes import Outcome
from tests.faults.targets import development
from tests.faults.world import World
from tests.github_faults import Fault, broken, lost_reply, reset_connection
from tests.github_http import HttpServer, Reply, Request
from tests.stores import faulty_server

UNKNOWN = (
    r"^It is not known yet whether development was redeployed: the webhook of \S+ {}; run `etna redeploy development`"
)
FAILED = (
    r"^development was not redeployed: the webhook of \S+ {}; look at its log, then run `etna redeploy development`"
)
SECRET = "between-the-two-of-us"


class Service:
    """Deploys what it is asked to, and notes each order and what served then."""

    def __init__(self, world: World, answer: Callable[[Request], Reply], *faults: Fault) -> None:
        self.world, self.says, self.faults = world, answer, [*faults]
        self.http = HttpServer(self.answer, self.fault_for)

    def answer(self, request: Request) -> Reply:
        reply = self.says(request)
        if request.method == "POST" and reply.status < 300:
            self.note(request.headers["idempotency-key"])
        return reply

    def note(self, key: str) -> None:
        """As the world's redeploy.sh does."""
        with self.world.superuser.connect() as connection:
            said = comment_of(connection, f"{self.world.name}_development")
        self.world.redeploys.note(key, said or "")

    def fault_for(self, request: Request) -> Fault | None:
        fault = self.faults.pop(0) if self.faults else None
        if fault and fault.loses:
            self.world.redeploys.lose_reply(request.headers["idempotency-key"])
        return fault


def hasty() -> None:
    """A webhook that does not answer is insisted on for a second instead of sixty."""
    from etna_pipelines.redeploy import choice
    from etna_pipelines.redeploy.webhook import WebhookRedeployer

    choice.WebhookRedeployer = functools.partial(WebhookRedeployer, insisting=1, every=0.1)  # type: ignore[assignment, misc]


@contextmanager
def asking(world: World, answer: Callable[[Request], Reply], *faults: Fault) -> Iterator[HttpServer]:
    """Development is redeployed by a webhook meanwhile."""
    service = Service(world, answer, *faults)
    redeploy = {"webhook": f"{service.http.url}/deploy"}
    with service.http.running(), world.settings_with(development=development(world, redeploy=redeploy)):
        yield service.http
    assert service.faults == [], "no request met the fault"


def pushed(world: World, answer: Callable[[Request], Reply], *faults: Fault) -> Outcome:
    with asking(world, answer, *faults):
        return world.run(flows.push, prepare=hasty, ETNA_WEBHOOK_SECRET=SECRET)


def done(_: Request) -> Reply:
    return Reply(200, {"version": "26.11.23"})


@case(
    "redeploy",
    "nothing listens where the webhook is",
    then=flows.redeploy,
    says=UNKNOWN.format(r"does not answer \(ConnectError\)"),
)
def test_down(world: World) -> Outcome:
    with asking(world, done) as gone:
        pass
    redeploy = {"webhook": f"{gone.url}/deploy"}
    with world.settings_with(development=development(world, redeploy=redeploy)):
        return world.run(flows.push, prepare=hasty, ETNA_WEBHOOK_SECRET=SECRET)


@case("redeploy", "the service answers 503 to everything", then=flows.redeploy, says=UNKNOWN.format("answers 503"))
def test_unavailable(world: World) -> Outcome:
    return pushed(world, lambda _: Reply(503))


@case("redeploy", "the service answers 502 once", ends="succeeded", then=flows.redeploy)
def test_unavailable_once(world: World) -> Outcome:
    return pushed(world, done, broken())


@case("redeploy", "the reply to the order is lost", ends="succeeded", then=flows.redeploy, fast=True)
def test_lost_reply(world: World) -> Outcome:
    return pushed(world, done, lost_reply())


@case("redeploy", "the connection is reset before the order is taken", ends="succeeded", then=flows.redeploy)
def test_reset(world: World) -> Outcome:
    return pushed(world, done, reset_connection())


@case("redeploy", "accepted, and then it fails", then=flows.redeploy, says=FAILED.format("says that it failed"))
def test_accepted_then_failing(world: World) -> Outcome:
    def answer(request: Request) -> Reply:
        return Reply(202, headers={"location": "/deployments/1"}) if request.method == "POST" else Reply(200, FAILURE)

    return pushed(world, answer)


FAILURE = {"status": "failed"}


@case(
    "redeploy",
    "accepted, and it does not say where to look",
    then=flows.redeploy,
    says=r"answered 202 without the `Loc",
)
def test_accepted_and_no_more(world: World) -> Outcome:
    return pushed(world, lambda _: Reply(202))


@case(
    "redeploy",
    "the service does not take our signature (401)",
    then=flows.redeploy,
    says=r"webhook of \S+ answered 401",
)
def test_unauthorised(world: World) -> Outcome:
    with asking(world, lambda _: Reply(401)) as service:
        outcome = world.run(flows.push, prepare=hasty, ETNA_WEBHOOK_SECRET=SECRET)
    assert len(service.seen) == 1  # to ask once more can't help
    return outcome


@case(
    "redeploy",
    "the webhook's secret is not set",
    says=r"^ETNA_WEBHOOK_SECRET is not set, and it signs what development",
)
def test_no_secret(world: World) -> Outcome:
    with asking(world, done) as service:
        outcome = world.run(flows.push)
    assert service.seen == []
    return outcome


@case("redeploy", "GitHub does not know the token any more (401)", says=r"(?i)github.*token|401")
def test_github_token_expired(world: World) -> Outcome:
    github = HttpServer(lambda _: Reply(401, {"message": "Bad credentials"}), lambda _: None)
    sections = {
        "github": {"repository": "torchbox/etna", "api_url": github.url},
        "development": development(world, redeploy={"workflow": "deploy.yml", "inputs": {"version": "{version}"}}),
    }
    with github.running(), world.settings_with(**sections):
        outcome = world.run(flows.push, ETNA_GITHUB_TOKEN="github_pat_expired")
    assert len(github.seen) <= 2
    return outcome


@case(
    "redeploy",
    "its program fails",
    then=flows.redeploy,
    says=r"^development was not redeployed: /bin/sh failed \(exit code 7\)",
)
def test_program_fails(world: World) -> Outcome:
    with world.file_with("redeploy.sh", "exit 7\n"):
        return world.run(flows.push)


@case(
    "redeploy",
    "its program is not there",
    then=flows.redeploy,
    says=r"/no/such/program cannot be started \(No such file",
)
def test_no_program(world: World) -> Outcome:
    with world.settings_with(development=development(world, redeploy={"command": ["/no/such/program"]})):
        return world.run(flows.push)


@case(
    "redeploy",
    "the program does its work and is killed",
    then=flows.redeploy,
    says=r"^development was not redeployed: ",
)
def test_program_killed(world: World) -> Outcome:
    usual = (world.root / "redeploy.sh").read_text()
    with world.file_with("redeploy.sh", f"{usual}kill -9 $$\n"):
        return world.run(flows.push)


@contextmanager
def application(world: World, is_well: Callable[[], bool], version: str = "26.11.23", **more: object) -> Iterator[None]:
    """Development's application, which is asked for its health."""

    def answer(request: Request) -> Reply:
        return Reply(200 if is_well() else 500, {"version": version})

    http = HttpServer(answer, lambda _: None)
    health = {"url": f"{http.url}/healthz", "version_url": f"{http.url}/version", "patience": 1}
    with http.running(), world.settings_with(development=development(world, health=health, **more)):
        yield


@case(
    "redeploy",
    "it is never healthy",
    then=flows.redeploy,
    says=r"^development was redeployed and is not healthy after 1 s",
)
def test_never_healthy(world: World) -> Outcome:
    with application(world, lambda: False):
        return world.run(flows.push)


@case(
    "redeploy",
    "it is never healthy, and rolled back",
    then=flows.push,
    says=r"^development was rolled back to the database",
)
def test_rolled_back(world: World) -> Outcome:
    known = len(world.redeploys.orders())
    with application(world, lambda: len(world.redeploys.orders()) > known + 1, rollback="automatic"):
        return world.run(flows.push)


@case(
    "redeploy",
    "it is never healthy, nor after its rollback",
    then=flows.push,
    says=r"Its rollback did not go well either",
)
def test_rolled_back_in_vain(world: World) -> Outcome:
    with application(world, lambda: False, rollback="automatic"):
        return world.run(flows.push)


@case(
    "redeploy",
    "two at once",
    then=flows.redeploy,
    says=r"^Another run holds the lock “redeploy development” on .+: wait until",
)
def test_two_at_once(world: World) -> Outcome:
    with world.standing_at("redeploy: noted", flows.push) as first:
        second = world.run(flows.redeploy)
    assert first.wait().ending == "succeeded"
    return second


@case(
    "redeploy",
    "one of three instances fails",
    then=flows.redeploy,
    says=r"failed on i-\w+ \(Failed\), 1 of 3 instances",
)
def test_one_of_three(world: World) -> Outcome:
    import boto3
    from moto.ssm.models import Command

    ec2 = boto3.client("ec2", endpoint_url=f"http://{world.proxy.upstream}", region_name="eu-west-2", **CREDENTIALS)
    tags = [{"Key": "Name", "Value": world.bucket}]
    specification = {"ResourceType": "instance", "Tags": tags}
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=3, MaxCount=3, TagSpecifications=[specification])
    failing = made["Instances"][1]["InstanceId"].encode()

    def answer(request: faulty_server.Request) -> faulty_server.Reply:
        reply = world.proxy.forward(request)
        asked = request.headers.get("X-Amz-Target", "")
        if asked.endswith("GetCommandInvocation") and failing in request.body:
            reply.body = reply.body.replace(b'"Status": "Success"', b'"Status": "Failed"')
            reply.headers["Content-Length"] = str(len(reply.body))
        return reply

    redeploy = {"ssm": {"Name": world.bucket}, "commands": ["./startup.sh"], "region": "eu-west-2"}
    with (
        world.settings_with(development=development(world, redeploy=redeploy)),
        world.answering(answer),
        pytest.MonkeyPatch.context() as moto,
    ):
        # A command for instances by their ids is for all instances at moto's, and not at AWS.
        moto.setattr(Command, "_get_instance_ids_from_targets", lambda _: [])
        outcome = world.run(flows.push, AWS_ENDPOINT_URL=world.proxy.url)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"] for instance in made["Instances"]])
    return outcome


CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
