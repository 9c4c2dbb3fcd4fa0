"""What rules, keys, rows and kills do to a strip."""

import time
from contextlib import ExitStack
from datetime import timedelta

from tests.faults import flows
from tests.faults.cases import LOCALLY, case
from tests.faults.content import RULES
from tests.faults.processes import Outcome
from tests.faults.test_store import changing
from tests.faults.world import World


@case(
    "strip",
    "production has a column that no rule names",
    says=r"^1 column has no rule in rules\.yaml: public\.person\.phone \(try `phone`\)\.",
    then=flows.night,
)
def test_unknown_column(world: World) -> Outcome:
    with world.production_has("ALTER TABLE person ADD phone text", "ALTER TABLE person DROP phone"):
        world.good(flows.back_up)
        return world.run(flows.strip)


@case("strip", "the rules are no YAML", says=r"rules\.yaml, line 3: this is not YAML")
def test_malformed_rules(world: World) -> Outcome:
    with world.file_with("rules.yaml", "tables:\n  person: {keep: [id\n"):
        return world.run(flows.strip)


@case("strip", "a rule is for a column that does not exist", says=r"column public\.person\.fax \(rules\.yaml, line 2\)")
def test_rule_for_nothing(world: World) -> Outcome:
    with world.file_with("rules.yaml", RULES.replace("email: email", "email: email, fax: phone")):
        return world.run(flows.strip)


@case("strip", "a mask would make unique values equal", says=r"public\.person\.email")
def test_broken_uniqueness(world: World) -> Outcome:
    with world.file_with("rules.yaml", RULES.replace("email: email", "email: redact")):
        return world.run(flows.strip)


@case("strip", "the rules let personal data pass", says=r"^The proof failed|still holds|proof")
def test_failed_proof(world: World) -> Outcome:
    with world.file_with("rules.yaml", RULES.replace("{body: redact}", "{body: keep}")):
        return world.run(flows.strip)


@case(
    "strip", "the masking key is missing", says=r"^ETNA_MASKING_KEY is not set, and it makes the pseudonyms: make a key"
)
def test_no_key(world: World) -> Outcome:
    return world.run(flows.strip, ETNA_MASKING_KEY="")


@case(
    "strip", "the key that signs manifests is missing", says=r"^ETNA_SIGNING_KEY is not set, and it signs the manifests"
)
def test_no_signing_key(world: World) -> Outcome:
    return world.run(flows.strip, ETNA_SIGNING_KEY="")


@case("strip", "a row of 40 MB", ends="succeeded", then=flows.night)
def test_huge_row(world: World) -> Outcome:
    huge = "INSERT INTO attachment VALUES (1, decode(repeat('00ff5c2e', 10000000), 'hex'))"
    with world.production_has(huge, "TRUNCATE attachment"):
        world.good(flows.back_up)
        return world.run(flows.strip)


@case("strip", r"rows with NUL bytes, `\.`, tabs and line ends in their values", ends="succeeded")
def test_awkward_rows(world: World) -> Outcome:
    page = r"INSERT INTO page VALUES (1001, E'\\.'), (1002, E'\\.\n\\.\t'), (1003, E'\\N'), (1004, '')"
    attachment = r"INSERT INTO attachment VALUES (1001, '\x00'), (1002, '\x5c2e0a00')"
    undo = "DELETE FROM page WHERE id > 1000; TRUNCATE attachment"
    with world.production_has(f"{page}; {attachment}", undo):
        outcome = world.run(flows.night)
        with world.owned("production").connect() as there, world.owned("development").connect() as here:
            for query in ("SELECT * FROM page ORDER BY id", "SELECT * FROM attachment ORDER BY id"):
                assert here.execute(query).fetchall() == there.execute(query).fetchall()
    return outcome


@case("strip", "two at once", says=r"^Another run holds the lock “strip” \(\S+\): wait until it has ended\.$")
def test_two_at_once(world: World) -> Outcome:
    with world.standing_at("strip: locked", flows.strip) as first:
        second = world.run(flows.strip)
    assert first.wait().ending == "succeeded"
    return second


@case("strip", "a file of the full snapshot is damaged", says=r"^Table public\.person: \S+ is not what was published")
def test_damaged_full_snapshot(world: World) -> Outcome:
    full = world.newest("full")
    file = next(file for file in full.files if file.table == "public.person")
    with world.stored_otherwise(full.archive_key(file.name), changing):
        return world.run(flows.strip)


@case(
    "strip",
    "a file of the full snapshot goes away meanwhile",
    says=r"is missing: do not use this snapshot; take or choose",
)
def test_full_snapshot_goes(world: World) -> Outcome:
    full = world.newest("full")
    file = next(file for file in full.files if file.table == "public.person")
    with ExitStack() as meanwhile:
        with world.standing_at("strip: locked", flows.strip) as run:
            meanwhile.enter_context(world.stored_otherwise(full.archive_key(file.name), lambda _: None))
        return run.wait()


@case("strip", "the store's disk is full", on=LOCALLY, says=r"could not be written because its disk is full: free some")
def test_full_disk(world: World) -> Outcome:
    with world.full_disk(world.root / "store"):
        return world.run(flows.strip)


@case("strip", "the server of production is down", ends="succeeded")
def test_needs_no_server(world: World) -> Outcome:
    world.server.stop()
    try:
        return world.run(flows.strip)
    finally:
        world.server.ensure_running()


@case("strip", "killed when the first, second ... file is written", ends="killed")
def test_killed_at_any_file(world: World) -> Outcome:
    for files in range(1, 5):
        before = sum(1 for _ in world.store.list("stripped/"))
        run = world.start(flows.strip)
        deadline = time.monotonic() + 60
        while sum(1 for _ in world.store.list("stripped/")) < before + files:
            assert time.monotonic() < deadline, "no file is written"
        run.kill()
        outcome = run.wait()
        world.catalogue.sweep(older_than=-timedelta(minutes=1))
    return outcome
