import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import find
from etna_pipelines.snapshots import toc
from tests.postgres.nasty import NASTY

# 4711; 1259 16402 TABLE public t postgres
LISTED = re.compile(r"^(\d+); (\d+) (\d+) (.*) \S*$")


@dataclass
class Dumped:
    """An archive, and pg_restore's own list of it."""

    archive: Path
    listed: list[str]
    pg_restore: Path

    @property
    def contents(self) -> bytes:
        return (self.archive / "toc.dat").read_bytes()


@pytest.fixture(scope="module", params=[15, 18])
def dumped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dumped:
    server: EmbeddedServer = request.getfixturevalue("server15" if request.param == 15 else "server")
    server.create_database("listed")
    database = server.database("listed")
    with database.connect() as connection:
        connection.execute(NASTY)
        connection.execute("COMMENT ON COLUMN values_that_bite.t IS 'Llŷr''s'")
    archive = tmp_path_factory.mktemp("toc") / "archive"
    reached = ["-h", database.host, "-p", str(database.port), "-U", database.user, "listed"]
    dump, restore = (find(program, request.param) for program in ("pg_dump", "pg_restore"))
    environment = {"PGPASSWORD": database.password or ""}
    subprocess.run([dump, "-Fd", "-f", str(archive), *reached], check=True, env=environment)
    listing = subprocess.run([restore, "--list", str(archive)], check=True, capture_output=True, text=True).stdout
    server.drop_database("listed")
    return Dumped(archive, [line for line in listing.splitlines() if not line.startswith(";")], restore)


def test_entries_are_those_that_pg_restore_lists(dumped: Dumped) -> None:
    entries = {entry.dump_id: entry for entry in toc.read(dumped.contents)}
    assert len(dumped.listed) > 40
    for line in dumped.listed:
        match = LISTED.match(line)
        assert match is not None
        entry = entries[int(match[1])]
        assert entry.oid == int(match[3])
        # pg_restore shows a line feed in a tag as a blank, and a missing namespace as a dash
        assert match[4] == f"{entry.kind} {entry.namespace or '-'} {entry.tag}".replace("\n", " ")


def test_sql_and_files_are_read(dumped: Dumped) -> None:
    entries = {entry.name: entry for entry in toc.read(dumped.contents)}
    assert "CREATE TABLE public.values_that_bite (" in entries["TABLE public.values_that_bite"].sql
    assert "Llŷr''s" in entries["COMMENT public.COLUMN values_that_bite.t"].sql
    assert "CREATE UNIQUE INDEX" not in entries["VIEW public.viewed"].sql
    data = entries["TABLE DATA public.values_that_bite"]
    assert data.copy.startswith("COPY public.values_that_bite (id, t, b, a, j, n) FROM stdin;")
    assert re.fullmatch(r"\d+\.dat", data.file)
    files = {entry.file for entry in entries.values() if entry.kind == "TABLE DATA"}
    assert files == {path.name.removesuffix(".gz") for path in dumped.archive.glob("[0-9]*")}


def test_entries_are_taken_out_and_all_else_stays_as_it_is(dumped: Dumped, tmp_path: Path) -> None:
    contents = dumped.contents
    assert toc.without(contents, []) == contents
    going = [entry.dump_id for entry in toc.read(contents) if entry.kind in ("SEQUENCE SET", "COMMENT")]
    (tmp_path / "toc.dat").write_bytes(toc.without(contents, going))
    listing = subprocess.run([dumped.pg_restore, "--list", tmp_path], check=True, capture_output=True, text=True).stdout
    kept = [line for line in dumped.listed if int(line.split(";")[0]) not in going]
    assert [line for line in listing.splitlines() if not line.startswith(";")] == kept
    assert len(kept) < len(dumped.listed)


@pytest.mark.parametrize("end", [0, 4, 5, 11, 30, 200, 1000])
def test_a_cut_table_of_contents_is_damaged(dumped: Dumped, end: int) -> None:
    with pytest.raises(SnapshotDamaged, match="not a table of contents"):
        toc.read(dumped.contents[:end])


def test_a_cut_anywhere_is_damaged_or_cuts_what_is_not_read(dumped: Dumped) -> None:
    contents = dumped.contents
    whole = toc.read(contents)
    for end in range(len(contents) - 400, len(contents), 7):
        try:
            assert toc.read(contents[:end]) == whole
        except SnapshotDamaged:
            continue


@pytest.mark.parametrize("contents", [b"PGDMP\x01\x12\x00\x04\x08\x03", b"PGDMP\x01\x0d\x00\x04\x08\x03", b"-- SQL\n"])
def test_another_format_is_refused(contents: bytes) -> None:
    with pytest.raises(SnapshotDamaged):
        toc.read(contents + bytes(1000))
