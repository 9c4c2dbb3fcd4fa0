"""What is shown of a message: what is known to hold no value, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.errors import DatabaseUnreachable, ProgramError
from etna_pipelines.postgres.messages import known, program_failure

SECRET = "tr0ub4dor"
LABEL = "etna on 127.0.0.1:5432"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f'invalid input syntax for type integer: "{SECRET}"', "invalid input syntax for type integer"),
        (f'invalid input value for enum mood: "{SECRET}"', "invalid input value for enum mood"),
        ('null value in column "a" of relation "b" violates not-null constraint', None),
        ('permission denied for table "person"', None),
        ("permission denied for table person", None),
        ('could not extend file "base/5/1": No space left on device', "No space left on device"),
        (f"customer {SECRET} is unknown", ""),
        (f"{SECRET}: deadlock detected, said {SECRET}", "deadlock detected"),
    ],
)
def test_known_messages(message: str, shown: str | None) -> None:
    assert (known(message) or "") == (message if shown is None else shown)


TEMPLATES = [
    """{program}: error: COPY failed for table "person": ERROR:  {value}
DETAIL:  {value}
CONTEXT:  COPY person, line 1: {value}""",
    """{program}: from TOC entry 7; 1 2 TABLE DATA person etna
{program}: error: could not execute query: ERROR:  invalid input syntax for type json: "{value}"
Command was: INSERT {value}""",
    """{program}: error: Dumping the contents of table "person" failed: PQgetResult() failed.
{program}: detail: Error message from server: ERROR:  {value}
{program}: detail: {value}""",
    '{program}: error: query failed: ERROR:  value "{value}" is odd',
    '{program}: error: could not find "{value}',
    "{program}: warning: {value}",
    "{value}",
]


@pytest.mark.parametrize("template", TEMPLATES)
@given(around=st.text(alphabet='ab "\\:\n', max_size=12), code=st.sampled_from([1, 2, 3, -9, 137]))
def test_no_value_gets_into_an_error(template: str, around: str, code: int) -> None:
    stderr = template.format(program="pg_restore", value=f"{around}{SECRET}{around}").split("\n")
    said = str(program_failure("pg_restore", code, stderr, LABEL, "etna"))
    assert SECRET not in said
    assert "\n" not in said
    assert said.startswith("pg_restore ")
    assert LABEL in said


def test_a_restore_into_a_full_disk() -> None:
    stderr = [
        "pg_restore: while PROCESSING TOC:",
        "pg_restore: from TOC entry 4163; 0 16385 TABLE DATA person etna",
        'pg_restore: error: COPY failed for table "person": ERROR:  could not extend file "x": No space left on device',
        "HINT:  Check free disk space.",
        f'CONTEXT:  COPY person, line 7: "{SECRET}"',
    ]
    assert str(program_failure("pg_restore", 1, stderr, LABEL, "etna")) == (
        f"pg_restore failed with exit code 1 on {LABEL} at TABLE DATA person etna: No space left on device."
    )


def test_a_server_that_goes_away_in_between() -> None:
    stderr = [
        'pg_dump: error: Dumping the contents of table "person" failed: PQgetCopyData() failed.',
        "pg_dump: detail: Error message from server: server closed the connection unexpectedly",
        "\tThis probably means the server terminated abnormally",
    ]
    with pytest.raises(DatabaseUnreachable, match="the connection was lost"):
        raise program_failure("pg_dump", 1, stderr, LABEL, "etna")


def test_an_archive_that_is_too_new() -> None:
    with pytest.raises(ProgramError, match="archive is of a newer PostgreSQL than this pg_restore"):
        raise program_failure("pg_restore", 1, ["pg_restore: error: unsupported version (1.16) in file header"], "", "")
