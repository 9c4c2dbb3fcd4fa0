from typing import Any

import pytest

from tests.environments.fixups.conftest import FixUp, MakeDatabase, rows, values

SITE = """
    CREATE TABLE django_session (session_key text); INSERT INTO django_session VALUES ('s');
    CREATE TABLE post_office_email (id int PRIMARY KEY); INSERT INTO post_office_email VALUES (1);
    CREATE TABLE post_office_log (email_id int REFERENCES post_office_email); INSERT INTO post_office_log VALUES (1);
    CREATE TABLE procrastinate_jobs (id int PRIMARY KEY); INSERT INTO procrastinate_jobs VALUES (1);
    CREATE TABLE procrastinate_events (job_id int REFERENCES procrastinate_jobs);
    CREATE TABLE procrastinate_periodic_defers (job_id int REFERENCES procrastinate_jobs);
    CREATE TABLE django_celery_beat_periodictask (enabled bool NOT NULL);
    INSERT INTO django_celery_beat_periodictask VALUES (true);
    CREATE TABLE wagtailusers_userprofile (
        user_id int, submitted_notifications bool NOT NULL, updated_comments_notifications bool NOT NULL, theme text);
    INSERT INTO wagtailusers_userprofile VALUES (1, true, true, 'dark'), (2, false, true, 'light');
"""
COUNTS = "SELECT count(*) FROM django_session UNION ALL SELECT count(*) FROM post_office_email"
QUEUED = "SELECT count(*) FROM procrastinate_jobs UNION ALL SELECT count(*) FROM django_celery_beat_periodictask"
QUEUED += " WHERE enabled"
ASKED = (
    "SELECT submitted_notifications OR updated_comments_notifications, theme FROM wagtailusers_userprofile ORDER BY 2"
)


def test_a_full_copy_has_no_sessions_and_sends_no_mail(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database(SITE)
    apply(database, kind="full")
    assert values(database, COUNTS) == values(database, QUEUED) == [0, 0]
    assert rows(database, ASKED) == [(False, "dark"), (False, "light")]


@pytest.mark.parametrize("given", [{"kind": "stripped"}, {"kind": "full", "neutralise": False}])
def test_others_are_left_as_they_are(make_database: MakeDatabase, apply: FixUp, given: dict[str, Any]) -> None:
    database = make_database(SITE)
    apply(database, **given)
    assert values(database, COUNTS) == values(database, QUEUED) == [1, 1]
    assert rows(database, ASKED) == [(True, "dark"), (True, "light")]


def test_sessions_that_are_kept_are_those_of_the_target(make_database: MakeDatabase, apply: FixUp) -> None:
    live = make_database("CREATE TABLE django_session (session_key text); INSERT INTO django_session VALUES ('own')")
    database = make_database(SITE)
    apply(database, live, kind="full", keep=["django_session"])
    assert values(database, "SELECT session_key FROM django_session") == ["own"]
