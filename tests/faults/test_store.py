"""What a network, an S3 server and a disk do to the store."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from tests.faults import flows
from tests.faults.cases import IN_S3, LOCALLY, case
from tests.faults.processes import Outcome
from tests.faults.world import World
from tests.stores.faulty_server import Reply, Request

RUN_AGAIN = "run this again"
PART = 5 * 2**20
"""The smallest that S3 takes."""
SEVERAL_PARTS = (
    "INSERT INTO attachment SELECT i, (SELECT string_agg(sha512((i * 100000 + n)::text::bytea), '') "
    "FROM generate_series(1, 20000) n) FROM generate_series(1, 10) i"
)
"""12 MB that no compression makes less of."""

Answer = Callable[[Request], Reply | None]


def hasty() -> None:
    """Requests are tried twice, and waited for for two seconds."""
    from botocore.config import Config

    from etna_pipelines.stores import s3

    usual = s3.s3_client_config()
    two = Config(retries={"mode": "standard", "total_max_attempts": 2}, read_timeout=2, connect_timeout=2)
    s3.s3_client_config = lambda: usual.merge(two)


def small_parts() -> None:
    from etna_pipelines.stores import s3

    s3.PART_SIZES = ((10_000, PART),)


def unavailable(_: Request) -> Reply:
    return Reply(HTTPStatus.SERVICE_UNAVAILABLE)


def no_reply(_: Request) -> None:
    return None


def hanging(_: Request) -> None:
    time.sleep(3)


def is_archive_file(request: Request) -> bool:
    return ".dat.gz" in request.path


@contextmanager
def once(world: World, answer: Answer, method: str, of: Callable[[Request], bool] = lambda _: True) -> Iterator[None]:
    """The first request of a kind is answered so meanwhile, the others as always. There must be one."""
    met: list[Request] = []

    def answering(request: Request) -> Reply | None:
        if not met and request.method == method and of(request):
            met.append(request)
            return answer(request)
        return world.proxy.forward(request)

    with world.answering(answering):
        yield
    assert met, f"no {method} met the fault"


def losing(world: World) -> Answer:
    """The server does what it was asked to, and its reply is lost."""

    def answer(request: Request) -> None:
        world.proxy.forward(request)

    return answer


def changing(data: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@case(
    "store",
    "S3 answers 503 to everything",
    on=IN_S3,
    says=r"^\S+ failed at \w+ of s3://\S+ \(.*503.*\): run this again",
)
def test_unavailable(world: World) -> Outcome:
    with world.answering(unavailable):
        return world.run(flows.back_up, prepare=hasty)


@case("store", "S3 answers 503 once to an upload", on=IN_S3, ends="succeeded")
def test_unavailable_once(world: World) -> Outcome:
    with once(world, unavailable, "PUT", is_archive_file):
        return world.run(flows.back_up)


@case("store", "S3 resets every connection", on=IN_S3, says=r"(stopped answering while at|cannot be reached for) s3://")
def test_reset(world: World) -> Outcome:
    with world.answering(no_reply):
        return world.run(flows.back_up, prepare=hasty)


@case("store", "S3 resets the connection of an upload", on=IN_S3, ends="succeeded")
def test_reset_once(world: World) -> Outcome:
    with once(world, no_reply, "PUT", is_archive_file):
        return world.run(flows.back_up)


@case("store", "S3 hangs", on=IN_S3, says=r"stopped answering while at s3://\S+: run this again\.$")
def test_hanging(world: World) -> Outcome:
    with world.answering(hanging):
        return world.run(flows.back_up, prepare=hasty)


@case("store", "an upload hangs once", on=IN_S3, ends="succeeded")
def test_hanging_once(world: World) -> Outcome:
    with once(world, hanging, "PUT", is_archive_file):
        return world.run(flows.back_up, prepare=hasty)


@case(
    "store", "replies are cut wherever they are read", on=IN_S3, says=r"was cut off 6 times while it was read: run this"
)
def test_cut(world: World) -> Outcome:
    def cut(request: Request) -> Reply:
        reply = world.proxy.forward(request)
        if request.method == "GET" and is_archive_file(request):
            reply.cut_at = 1
        return reply

    with world.answering(cut):
        return world.run(flows.back_up)


@case("store", "a reply is cut once", on=IN_S3, ends="succeeded")
def test_cut_once(world: World) -> Outcome:
    def cut(request: Request) -> Reply:
        reply = world.proxy.forward(request)
        reply.cut_at = len(reply.body) // 2
        return reply

    with once(world, cut, "GET", is_archive_file):
        return world.run(flows.back_up)


@case(
    "store", "a byte changes on its way out", on=IN_S3, says=r"^s3://\S+ is not what was published .+: do not use this"
)
def test_changed_on_its_way_out(world: World) -> Outcome:
    def change(request: Request) -> Reply:
        reply = world.proxy.forward(request)
        reply.body = changing(reply.body)
        return reply

    with once(world, change, "GET", is_archive_file):
        return world.run(flows.back_up)


@case(
    "store",
    "a byte changes on its way in, and the server takes it",
    on=IN_S3,
    says=r"is not what was published .+: do not",
)
def test_changed_on_its_way_in(world: World) -> Outcome:
    def change(request: Request) -> Reply:
        kept = {name: value for name, value in request.headers.items() if "checksum" not in name.lower()}
        return world.proxy.forward(Request(request.method, request.path, kept, changing(request.body)))

    with once(world, change, "PUT", is_archive_file):
        return world.run(flows.back_up)


@case("store", "the reply to an upload is lost", on=IN_S3, ends="succeeded")
def test_lost_reply_of_a_put(world: World) -> Outcome:
    with once(world, losing(world), "PUT", is_archive_file):
        return world.run(flows.back_up)


@case("store", "the reply to a manifest that is written if absent is lost", on=IN_S3, ends="succeeded")
def test_lost_reply_of_a_manifest(world: World) -> Outcome:
    def is_manifest(request: Request) -> bool:
        return request.path.endswith("manifest.json")

    with once(world, losing(world), "PUT", is_manifest):
        return world.run(flows.back_up)


@case("store", "the reply to the completion of an upload in parts is lost", on=IN_S3, ends="succeeded")
def test_lost_reply_of_a_completion(world: World) -> Outcome:
    with (
        world.production_has(SEVERAL_PARTS, "TRUNCATE attachment"),
        once(world, losing(world), "POST", lambda request: "uploadId" in request.path),
    ):
        return world.run(flows.back_up, prepare=small_parts)


@case(
    "store",
    "the parts of an upload fail",
    on=IN_S3,
    says=rf"^\S+ failed at UploadPart of s3://\S+ \(.+\): {RUN_AGAIN}\.$",
)
def test_failing_parts(world: World) -> Outcome:
    def failing(request: Request) -> Reply | None:
        is_part = request.method == "PUT" and "partNumber=2" in request.path
        return unavailable(request) if is_part else world.proxy.forward(request)

    with world.production_has(SEVERAL_PARTS, "TRUNCATE attachment"), world.answering(failing):
        return world.run(flows.back_up, prepare=hastily_in_small_parts)


def hastily_in_small_parts() -> None:
    hasty()
    small_parts()


@case("store", "killed between two parts of an upload", on=IN_S3, ends="killed")
def test_killed_between_parts(world: World) -> Outcome:
    def killing(request: Request) -> Reply | None:
        if request.method == "PUT" and "partNumber=2" in request.path:
            run.kill()
        return world.proxy.forward(request)

    with world.production_has(SEVERAL_PARTS, "TRUNCATE attachment"), world.answering(killing):
        run = world.start(flows.back_up, prepare=small_parts)
        return run.wait()


@case(
    "store",
    "a part of an upload changes on its way in, and the server takes it",
    on=IN_S3,
    says=r"is not what was published|BadDigest",
)
def test_changed_part(world: World) -> Outcome:
    def change(request: Request) -> Reply:
        kept = {name: value for name, value in request.headers.items() if "checksum" not in name.lower()}
        return world.proxy.forward(Request(request.method, request.path, kept, changing(request.body)))

    with (
        world.production_has(SEVERAL_PARTS, "TRUNCATE attachment"),
        once(world, change, "PUT", lambda request: "partNumber=2" in request.path),
    ):
        return world.run(flows.back_up, prepare=small_parts)


@case(
    "store",
    "the bucket is not there",
    on=IN_S3,
    says=r"^The bucket of s3://\S+ does not exist at \S+: create it, or correct",
)
def test_no_bucket(world: World) -> Outcome:
    with world.settings_with(
        store={"url": "s3://gone-tomorrow/etna", "endpoint_url": world.proxy.url, "region": "eu-west-2"}
    ):
        return world.run(flows.back_up)


@case(
    "store",
    "the bucket goes away meanwhile",
    on=IN_S3,
    says=r"^The bucket of s3://\S+ does not exist at \S+: create it, or",
)
def test_bucket_goes(world: World) -> Outcome:
    name = f"{world.bucket}-short-lived"
    world.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    address = {"url": f"s3://{name}/etna", "endpoint_url": world.proxy.url, "region": "eu-west-2"}
    with world.settings_with(store=address), world.standing_at("backup: tables locked", flows.back_up) as run:
        world.s3.delete_bucket(Bucket=name)
    return run.wait()


@case(
    "store",
    "the store's disk is full",
    on=LOCALLY,
    says=r"could not be written because its disk is full: free some space or",
)
def test_full_disk(world: World) -> Outcome:
    with world.full_disk(world.root / "store"):
        return world.run(flows.back_up)


@case(
    "store",
    "the store's disk fills up while a file is written",
    on=LOCALLY,
    says=r"could not be written because its disk is full",
)
def test_disk_fills_up(world: World) -> Outcome:
    with (
        world.production_has(SEVERAL_PARTS, "TRUNCATE attachment"),
        world.full_disk(world.root / "store", left=6 * 2**20),
    ):
        return world.run(flows.back_up)


@case(
    "store",
    "the store's disk may only be read",
    on=LOCALLY,
    says=r"may not be written by this user \(uid \d+\): give it write",
)
def test_read_only(world: World) -> Outcome:
    with world.read_only(world.root / "store"):
        return world.run(flows.back_up)


@case("store", "two publish one snapshot", ends="succeeded")
def test_two_publishers(world: World) -> Outcome:
    before = len(world.catalogue.ids("full"))
    with world.standing_at("publish: ready", flows.back_up) as first:
        [draft] = {item.key.split("/")[1] for item in world.store.list("full/") if item.key.endswith("/draft.json")}
        second = world.run(flows.publish, draft)
    assert second.ending == "succeeded", second.said
    outcome = first.wait()
    assert len(world.catalogue.ids("full")) == before + 1
    return outcome


@case(
    "store",
    "another snapshot was published under its id",
    says=r"exists already and holds something else: it is left as it is",
)
def test_taken(world: World) -> Outcome:
    with world.standing_at("publish: ready", flows.back_up) as run:
        [id_] = {item.key.split("/")[1] for item in world.store.list("full/") if item.key.endswith("/draft.json")}
        world.store.put(f"full/{id_}/manifest.json", [b"{}"])
    outcome = run.wait()
    assert b"".join(world.store.read(f"full/{id_}/manifest.json")) == b"{}"
    world.store.delete(item.key for item in world.store.list(f"full/{id_}/"))
    return outcome
