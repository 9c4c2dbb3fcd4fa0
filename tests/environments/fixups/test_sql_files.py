from pathlib import Path

import pytest

from etna_pipelines.errors import FixUpFailed
from tests.environments.fixups.conftest import OWNER, FixUp, MakeDatabase, rows, run, values

NOTES = "CREATE TABLE note (id int PRIMARY KEY, text text)"


def test_files_run_in_turn_as_the_owner(make_database: MakeDatabase, apply: FixUp, tmp_path: Path) -> None:
    first, second = tmp_path / "1.sql", tmp_path / "2.sql"
    first.write_text(
        "\ufeff-- 100 % of them; COMMIT is only said\nSET search_path = ''; SET ROLE NONE;\n"
        "INSERT INTO public.note VALUES (1, current_user);;\nSELECT 1;"
    )
    second.write_text(
        "DO $$ BEGIN\n"
        "INSERT INTO note VALUES (2, concat('é; $1 %s ', current_user, current_setting('statement_timeout')));\n"
        "END $$"
    )
    database = make_database(NOTES)
    run(database, f"ALTER DATABASE {database.name} SET statement_timeout = '1min'")
    apply(database, sql=[str(first), str(second)])
    assert rows(database, "SELECT text FROM note ORDER BY id") == [("postgres",), (f"é; $1 %s {OWNER}0",)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "INSERT INTO note VALUES (1, 'a');\n\nSELEC 'secret';",
            r"line 3 of .*a\.sql failed: syntax error \(42601\)\.",
        ),
        (
            "SELECT 1;\nINSERT INTO note VALUES (1, 'secret');\nINSERT INTO note VALUES (1, 'secret');",
            r"statement 3 of .*a\.sql failed: duplicate key .* \(23505\)",
        ),
        ("INSERT INTO nte VALUES (1)", r'line 1 of .* relation "nte" does not exist'),
        ("INSERT INTO note VALUES (1);\nCOMMIT;", r"a\.sql ends the transaction .* take its COMMIT or ROLLBACK out"),
        ("ROLLBACK; BEGIN; INSERT INTO note VALUES (1)", r"a\.sql ends the transaction"),
        ("SELECT 1; COPY note FROM STDIN;\n1\tsecret\n\\.\n", r"a\.sql"),
        ("SELECT 1; COPY note FROM STDIN;", r"statement 2 of .*a\.sql is a COPY through the client"),
        ("COPY note TO '/tmp/note'", r"a\.sql failed: .*42501"),
    ],
)
def test_a_file_that_fails_is_told_with_its_place(
    make_database: MakeDatabase, apply: FixUp, tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "a.sql").write_text(text)
    database = make_database(NOTES)
    with pytest.raises(FixUpFailed, match=f"the fix-up `sql` failed, .*{sentence}") as raised:
        apply(database, sql=[str(tmp_path / "a.sql")])
    assert "secret" not in str(raised.value)
    if "COMMIT" not in text and "BEGIN" not in text:
        assert values(database, "SELECT count(*) FROM note") == [0]


def test_deferred_keys_are_checked_with_the_file_that_broke_them(
    make_database: MakeDatabase, apply: FixUp, tmp_path: Path
) -> None:
    (tmp_path / "a.sql").write_text("INSERT INTO reply VALUES (1, 9)")
    database = make_database(
        f"{NOTES}; CREATE TABLE reply (id int, note int REFERENCES note DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(FixUpFailed, match=r"the fix-up `sql` failed, insert or update on table .*reply_note_fkey"):
        apply(database, sql=[str(tmp_path / "a.sql")])
