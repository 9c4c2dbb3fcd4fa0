"""What people are told of errors: never what a server said about rows, nor the text of a fault of our own."""

import psycopg
import pytest

from etna_pipelines.errors import PushRefused
from etna_pipelines.postgres.server import Database
from etna_pipelines.sentences import sentence_of

ROW = "Gwenllian Xylophonist"


def test_an_error_of_the_domain_is_told_as_it_is() -> None:
    assert sentence_of(PushRefused("etna on db:5432 is production itself.")) == "etna on db:5432 is production itself."


def test_a_servers_error_is_told_without_its_detail(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE person (name text CONSTRAINT short CHECK (length(name) < 9))")
        with pytest.raises(psycopg.Error, match=ROW) as refused:
            connection.execute("INSERT INTO person VALUES (%s)", [ROW])

    assert sentence_of(refused.value) == (
        'A database server refused: new row for relation "person" violates check constraint "short" (23514) '
        "at table public.person, constraint short."
    )


def test_a_fault_of_our_own_is_told_by_its_place() -> None:
    with pytest.raises(AttributeError) as fault:
        Database.from_url(None)  # type: ignore[arg-type]

    said = sentence_of(fault.value)
    assert said.startswith("A fault of etna-pipelines itself: AttributeError at etna_pipelines.postgres.server, line ")
    assert sentence_of(KeyError("swordfish")).startswith("A fault of etna-pipelines itself: KeyError: report it")
