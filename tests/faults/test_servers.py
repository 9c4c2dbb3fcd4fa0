"""What credentials, clocks and settings get wrong: one sentence each, and no second try where it can't help."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Self

from etna_pipelines.environments import history, push
from etna_pipelines.snapshots import manifest
from tests.faults import flows
from tests.faults.cases import IN_S3, case
from tests.faults.processes import Flow, Outcome
from tests.faults.world import World
from tests.stores.faulty_server import Reply, Request

ERROR = "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{}</Code><Message>no</Message></Error>"


def refusing(
    world: World, code: str, status: int, flow: Flow, of: Callable[[Request], bool] = lambda _: True
) -> Outcome:
    """S3 refuses requests with a code of its own. Each is made once: to ask again can't help."""

    def answer(request: Request) -> Reply | None:
        if not of(request):
            return world.proxy.forward(request)
        return Reply(status, {"Content-Type": "application/xml"}, ERROR.format(code).encode())

    with world.answering(answer):
        outcome = world.run(flow)
    refused = [(request.method, request.path) for request in world.proxy.seen if of(request)]
    assert len(refused) == len(set(refused)), f"tried again: {refused}"
    return outcome


def is_upload(request: Request) -> bool:
    return request.method in ("PUT", "POST")


def is_download(request: Request) -> bool:
    return request.method == "GET" and ".dat.gz" in request.path


@case(
    "bad input", "AWS's token has expired", on=IN_S3, says=r"^The credentials for s3://\S+ have expired: sign in again"
)
def test_expired_token(world: World) -> Outcome:
    return refusing(world, "ExpiredToken", 400, flows.back_up)


@case(
    "bad input",
    "AWS's token expires while it is pushed",
    on=IN_S3,
    says=r"^The credentials for s3://\S+ have expired: ",
)
def test_token_expires_in_a_push(world: World) -> Outcome:
    return refusing(world, "ExpiredToken", 400, flows.push, is_download)


@case("bad input", "the credentials may not write", on=IN_S3, says=r"not allowed \w+ on s3://\S+: grant it to them")
def test_may_not_write(world: World) -> Outcome:
    return refusing(world, "AccessDenied", 403, flows.strip, is_upload)


@case(
    "bad input", "the credentials may not read archives", on=IN_S3, says=r"not allowed GetObject on s3://\S+: grant it"
)
def test_may_not_read(world: World) -> Outcome:
    return refusing(world, "AccessDenied", 403, flows.push, is_download)


@case(
    "bad input",
    "AWS does not know the key",
    on=IN_S3,
    says=r"does not know the credentials used for s3://\S+, or their",
)
def test_unknown_key(world: World) -> Outcome:
    return refusing(world, "InvalidAccessKeyId", 403, flows.back_up)


@case(
    "bad input",
    "S3 refuses our clock",
    on=IN_S3,
    says=r"refused s3://\S+ because this machine's clock is wrong: set the",
)
def test_clock_refused(world: World) -> Outcome:
    return refusing(world, "RequestTimeTooSkewed", 403, flows.back_up)


@case(
    "bad input",
    "there are no credentials",
    on=IN_S3,
    says=r"^There are no usable credentials for s3://\S+: set AWS_PROFILE",
)
def test_no_credentials(world: World) -> Outcome:
    return world.run(flows.back_up, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")


@case("bad input", "snapshots are signed with another key", says=r"sign")
def test_signing_key(world: World) -> Outcome:
    return world.run(flows.push, ETNA_SIGNING_KEY="c0" * 32)


@case(
    "bad input",
    "the production's database is not there",
    says=r"refuses the connection: there is no such database: create",
)
def test_no_database(world: World) -> Outcome:
    with world.settings_with(production={"database": world.database("nowhere").url.replace("_pusher", "_reader")}):
        return world.run(flows.back_up)


@case("bad input", "production's role is not there", says=r"(role|password of role) nobody_here")
def test_no_role(world: World) -> Outcome:
    url = world.database("production").url.replace(f"{world.name}_reader", "nobody_here")
    with world.settings_with(production={"database": url}):
        return world.run(flows.back_up)


@case(
    "bad input",
    "production's host is not known",
    says=r"cannot be reached: its host name is not known: correct the host",
)
def test_no_host(world: World) -> Outcome:
    with world.settings_with(production={"database": "postgresql://reader@no-such-host.invalid/etna"}):
        return world.run(flows.back_up)


@case(
    "bad input",
    "a setting is misspelt",
    says=r"environments\.yaml, line \d+: `databse` is not a setting of `production`; did",
)
def test_misspelt(world: World) -> Outcome:
    with world.settings_with(production={"databse": "postgresql://reader@db/etna"}):
        return world.run(flows.back_up)


def clock_off(by: timedelta) -> None:
    """Ids, records and marks are made at another time. (With libfaketime, a program that sleeps fails.)"""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + by

    for module in (manifest, history, push):
        module.datetime = Shifted  # type: ignore[attr-defined]


def clock_ahead() -> None:
    clock_off(timedelta(hours=2))


def clock_behind() -> None:
    clock_off(-timedelta(hours=2))


@case("bad input", "the clock is two hours ahead in one night, and then right again", ends="succeeded")
def test_night_ahead(world: World) -> Outcome:
    world.is_used_up = True  # for two hours, the newest snapshot is this night's
    return world.run(flows.night, prepare=clock_ahead)


@case("bad input", "the clock is two hours behind in one night, and then right again", ends="succeeded")
def test_night_behind(world: World) -> Outcome:
    return world.run(flows.night, prepare=clock_behind)
