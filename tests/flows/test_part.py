"""`etna strip --subset` in a terminal, on the demo's site."""

from pathlib import Path

from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database
from tests.flows.checkout import Checkout

ORPHANS = """
    SELECT count(*) FROM wagtailcore_page page WHERE depth > 1 AND NOT EXISTS
        (SELECT FROM wagtailcore_page parent WHERE parent.path = left(page.path, length(page.path) - 4))
"""


def test_a_part_of_the_newest_stripped_snapshot(demo_checkout: Checkout, database: Database, tmp_path: Path) -> None:
    whole = demo_checkout.catalogue.newest("stripped")
    assert whole
    rows = {table.name: table.rows or 0 for table in whole.schema_.tables}

    done = demo_checkout.etna("strip", "--subset", "wagtailcore_page=10%, auth_user=20", "--follow", "both")

    assert (done.returncode, done.stderr) == (0, "")
    assert demo_checkout.catalogue.newest("stripped") == whole
    made = demo_checkout.catalogue.list("stripped")[-1]
    assert f"stripped snapshot {made.id}" in done.stdout and f"a subset of {whole.id}" in done.stdout
    left = {table.name: table.rows or 0 for table in made.schema_.tables}
    told = ["public.wagtailcore_page", str(left["wagtailcore_page"]), str(rows["wagtailcore_page"])]
    assert told in [line.split() for line in done.stdout.splitlines()]
    [line] = [line for line in demo_checkout.etna("snapshots").stdout.splitlines() if made.id in line]
    assert line.startswith("stripped, subset") and line.rstrip().endswith("passed")

    restore(fetch_archive(made, demo_checkout.store, tmp_path), made, database)
    verify(made, database)
    assert 20 <= left["auth_user"] < rows["auth_user"]
    assert rows["wagtailcore_page"] / 10 <= left["wagtailcore_page"] < rows["wagtailcore_page"]
    for table in ("django_content_type", "django_migrations", "auth_permission", "wagtailcore_site"):
        assert left[table] == rows[table] > 0
    with database.connect() as connection:
        assert connection.execute(ORPHANS).fetchall() == [(0,)]

    again = demo_checkout.etna("strip", "--subset", "auth_user=20, wagtailcore_page=10%", "--follow", "both")
    assert made.id in again.stdout  # it is there already
    demo_checkout.catalogue.delete(made.kind, made.id)


def test_what_it_can_not_be_is_one_sentence(demo_checkout: Checkout) -> None:
    refused = demo_checkout.etna("strip", "--subset", "auth_users=20")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("The subset is to have rows of public.auth_users, which snapshot ")
    assert refused.stderr.count("\n") == 1

    unknown = demo_checkout.etna("strip", "--subset", "development")
    assert unknown.stderr.startswith("`development` is no environment with a `subset:` in environments.yaml")
