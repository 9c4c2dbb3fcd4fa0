import pytest

from etna_pipelines.releases.watching import Lock, Watch, keywords


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE page ADD COLUMN note text DEFAULT 'secret'", "ALTER TABLE"),
        ("create unique index concurrently if not exists a on b (c)", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS"),
        ("UPDATE ONLY update_log SET a = 'secret'", "UPDATE ONLY"),
        ("INSERT INTO table_of_values VALUES ('secret')", "INSERT INTO"),
        ('INSERT INTO "values" VALUES (1)', "INSERT INTO"),
        ("/* secret */ -- secret\n  SELECT pg_sleep(1)", "SELECT"),
        ("-- secret", "other"),
        ("secret", "other"),
        ("(SELECT 1)", "other"),
    ],
)
def test_a_statement_is_known_by_its_keywords_alone(statement: str, found: str) -> None:
    assert keywords(statement) == found


def test_of_each_table_the_strongest_lock_and_its_longest_stretch_count() -> None:
    watch = Watch()
    exclusive, shared = (7, "ACCESS EXCLUSIVE"), (7, "ROW SHARE")
    for found in ({shared}, {shared, exclusive}, {exclusive, (8, "SHARE")}, {shared}, {exclusive}):
        watch.met(found, passed=2.0)  # it was kept from looking: what is new may have begun just now
    assert watch.locks == {7: Lock("ACCESS EXCLUSIVE", 2.05), 8: Lock("SHARE", 0.05)}


@pytest.mark.parametrize(
    ("mode", "blocks"),
    [
        ("ROW EXCLUSIVE", "nothing"),
        ("SHARE UPDATE EXCLUSIVE", "nothing"),
        ("SHARE", "writes"),
        ("EXCLUSIVE", "writes"),
        ("ACCESS EXCLUSIVE", "reads and writes"),
    ],
)
def test_what_waits_for_a_lock(mode: str, blocks: str) -> None:
    assert Lock(mode, 1).blocks == blocks
