from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import pytest

from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.anonymise.rules.conditions import condition, exception
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError
from etna_pipelines.postgres.schema import read_schema
from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import Night, column, copied_out, table

PERSON = table(
    "person",
    column("id", "bigint"),
    column("staff", "boolean"),
    column("joined", "timestamp with time zone"),
    column("seen", "timestamp(3) without time zone"),
    column("born", "date"),
    column("paid", "numeric(8,2)"),
    column("code", "character(4)"),
    column("Odd name"),
    "email",
    column("size", "integer", generated=True),
)


TYPES = PERSON.model_copy(
    update={
        "columns": [
            *PERSON.columns,
            column("mood", "public.mood").model_copy(update={"category": "E", "labels": ["low", "high"]}),
            *(column(name, type_).model_copy(update={"category": category}) for name, type_, category in (
                ("nick", "public.citext", "S"), ("token", "uuid", "U"), ("waited", "interval", "T"),
                ("address", "inet", "I"), ("tags", "text[]", "A"),
            )),
        ]
    }
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Rows by their columns' values."""

    values: dict[str, list[str | None]]
    first: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def original(self, column: str) -> Values:
        return Values.of(self.values[column])

    masked = original


def block(name: str, *values: str | None) -> Block:
    return Block({name: list(values)})


ROWS = """
    SET TIME ZONE 'Europe/London';
    CREATE TABLE person (id bigint, staff boolean, joined timestamptz, seen timestamp(3), born date, paid numeric(8,2),
                         code char(4), "Odd name" text, email text);
    INSERT INTO person VALUES
        (9007199254740993, true, '2026-01-01 00:30+01', '2026-01-01 00:00:00.123', '0001-01-01', 0.10, 'ab', '', 'a@b'),
        (9007199254740992, false, '2025-12-31 22:30:00.5-01:30', '2026-01-01 00:00:00.1', '0044-03-15 BC', -1.55, '',
         E'a\tb\n', 'Äöü'),
        (1, NULL, '1850-01-01', '4713-01-01 BC', '-infinity', 'NaN', 'abcd', 'IS NOT TRUE', 'Someone@EXAMPLE.com'),
        (-3, true, 'infinity', '-infinity', 'infinity', 7, 'é', NULL, '%'),
        (2, false, '0001-01-01 BC', 'infinity', '5874897-12-31', 999999.99, NULL, 'x', '12'),
        (4, true, '2026-07-01', '294276-12-31', '2020-02-29', 0, 'x', '\\N', '\\.'),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"""


def test_a_condition_holds_for_the_rows_that_postgresql_says(database: Database) -> None:
    texts = [
        "staff", "NOT staff", "staff IS NOT TRUE", "staff is false", "staff IS NOT UNKNOWN", "staff = true",
        "staff IS DISTINCT FROM false", "staff <> false",
        "id > 9007199254740992", "id IN (1, 2)", "id NOT IN (1, 2)", "id NOT IN (1, NULL)", "id = ANY (ARRAY[1, 4])",
        "id % 2 = 0", "id % 2 = -1", "abs(id) = 3", "-id = 3", "id IS NULL OR id = 1", "id = NULL",
        "id BETWEEN 1 AND 2", "NOT (id = 1 AND staff)", "CASE WHEN id > 1 THEN staff ELSE id IS NULL END",
        "NULLIF(id, 1) IS NULL", "GREATEST(id, 3) = 3", "LEAST(id, 3) = 3",
        "paid >= 0.1", "paid = 0.1", "paid < 0", "paid > 1000000", "round(paid) = 7", "floor(paid) = -2",
        "code = 'ab'", "code = ''", "code > 'a'",
        "email LIKE '%@b'", "email NOT ILIKE 'A%'", "email LIKE '_'", "email ~ '^[a-c]+@'", "email !~* '^ä'",
        "lower(email) = 'äöü'", "upper(email) = 'A@B'", "length(email) = 3", "octet_length(email) = 6",
        "left(email, 4) = 'Some'", "substr(email, 2, 2) = '@b'", "email || code = 'a@bab'", "email = '\\.'",
        "email IN ('%', '12')", "starts_with(email, 'a')", "trim(email) = '%'",
        "concat(email, code) = '12'", "email::text = '%'", "email < 'b' AND email > '1'",
        "COALESCE(email, '') = ''", "\"Odd name\" <> ''", "\"Odd name\" = 'IS NOT TRUE'", "\"Odd name\" LIKE '%\t%'",
        "born < DATE '1900-01-01'", "born > DATE '2020-02-28'", "born = DATE '2020-02-29'", "born IS NOT NULL",
        "born < DATE '2020-02-28' + INTERVAL '1 month'",
        "EXTRACT(YEAR FROM born) = 2020", "EXTRACT(MONTH FROM born) = 2",
        "joined < TIMESTAMP '2026-01-01 00:00:00'", "joined = TIMESTAMP '2025-12-31 23:30:00'",
        "seen >= TIMESTAMP '2026-01-01 00:00:00.123'", "seen::date = DATE '2026-01-01'", "seen < joined",
    ]  # fmt: skip
    with database.connect() as connection:
        connection.execute(ROWS)
        [person] = read_schema(connection).tables
        lines = copied_out(connection, "person").decode().splitlines()
        read = [[copied(field) for field in line.split("\t")] for line in lines]
        rows = Block(
            {each.name: list(values) for each, values in zip(person.copied, zip(*read, strict=True), strict=True)}
        )
        connection.execute("SET TIME ZONE 'UTC'")
        held = {text: condition(text, person).holds(rows).tolist() for text in texts}
        assert held == {
            text: [held for (held,) in connection.execute(f"SELECT coalesce({text}, false) FROM person")]
            for text in texts
        }


def copied(field: str) -> str | None:
    """A field of COPY text as the value it stands for."""
    return copytext.split(f"{field}\n".encode(), 1).values(0).to_list()[0]


def test_conditions_choose_rows_and_values_in_a_night(database: Database, store: LocalStore, tmp_path: Path) -> None:
    night = Night(database, store, tmp_path)
    night.execute(
        """CREATE TABLE person (id int PRIMARY KEY, staff bool, name text, "Work mail" text UNIQUE, note text);
           INSERT INTO person SELECT i, i % 3 = 0, 'Name ' || i, i || '@work.example', 'n' || i
           FROM generate_series(1, 3000) i;
           INSERT INTO person VALUES (3001, NULL, NULL, NULL, E'tab\\there'),
                                     (3002, true, 'X', 'x@work.example', '\\N')"""
    )
    rules = """
unlisted: null
public: {domains: [work.example]}
tables:
  person:
    rows: id > 10 AND NOT name = 'Name 12'
    keep: [id, staff]
    columns:
      name: {mask: set(masked), unless: staff}
      "Work mail": {mask: hash, when: "staff IS NOT TRUE"}
"""
    stripped = night.stripped(rules)
    [person] = stripped.draft.schema_.tables
    assert person.rows == 2990
    rows = night.restored(stripped.draft).rows('SELECT id, staff, name, "Work mail", note FROM person ORDER BY id')
    assert [row[0] for row in rows] == [11, *range(13, 3001), 3002]
    for number, staff, name, mail, note in rows[:-1]:
        assert (staff, note) == (number % 3 == 0, None)
        assert name == (f"Name {number}" if staff else "masked")
        assert (mail == f"{number}@work.example") is staff
    assert rows[-1] == (3002, True, "X", "x@work.example", None)


def test_a_mask_applies_when_and_unless() -> None:
    def applied(when: str | None, unless: str | None) -> list[bool]:
        applies = exception(when, unless, PERSON)
        assert applies is not None
        assert applies.columns == ["id"]
        return applies.holds(block("id", "1", "2", None)).tolist()

    assert applied("id = 1", None) == [True, False, False]
    assert applied(None, "id = 1") == [False, True, True]
    assert applied("id < 3", "id = 1") == [False, True, False]
    assert exception(None, None, PERSON) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("emial = 'a'", "names `emial`, which is no column with values here: did you mean `email`?"),
        ("size > 1", "names `size`, which is no column with values here"),
        ("id >", "is not a condition in SQL"),
        ("", "is not a condition in SQL"),
        ("id = 1; DROP TABLE person", "is not a condition in SQL"),
        ("id", "is not true or false"),
        ("1 = 1", "names no column"),
        ("born < '1900-01-01'", "write dates as DATE"),
        ("id = 'x'", "can't be worked out"),
        ("email::int > 1", "TRY_CAST"),
        ("id > max(id)", "more than a condition on one row"),
        ("id / 2 = 1", "more than a condition on one row"),
        ("count(*) > 1", "more than a condition on one row"),
        ("id > count(*)", "more than a condition on one row"),
        ("row_number() OVER () > id", "more than a condition on one row"),
        ("sum(id) OVER (PARTITION BY staff) > 1", "more than a condition on one row"),
        ("id IN (SELECT id FROM person)", "is not a condition"),
        ("EXISTS (SELECT 1)", "condition"),
        ("id = (SELECT * FROM read_csv('/etc/passwd'))", "condition"),
        ("lpad(email, 1000000000, 'x') = 'x'", "more than a condition on one row"),
        ("replace(replace(email, 'a', 'aa'), 'a', 'aa') = 'x'", "more than a condition on one row"),
        ("born < CURRENT_DATE", "depends on the day of the strip: write a date"),
        ("joined > now()", "depends on the day of the strip"),
        ("email LIKE 'x\\_%'", "has a backslash in a LIKE pattern: use a regular expression"),
        ("mood > 'low'", "compares the order of an enum's labels: name the labels that you mean"),
        ("mood BETWEEN 'high' AND 'low'", "compares the order of an enum's labels"),
        ("waited > '2 days'", "interval is not compared here as PostgreSQL does: use IS NULL, or waited::text"),
        ("address IN ('10.0.0.1')", "inet is not compared here as PostgreSQL does: use IS NULL"),
        ("address::text = '10.0.0.1'", "inet is not compared here"),
        ("tags = '{}'", "text[] is not compared here"),
        ("nick IN ('a')", "say `lower(a::text) IN ('a', 'b')`"),
        ("email ~ '('", "can't be worked out (regex error"),
        ("email ~ 'a{1000}{1000}'", "can't be worked out (regex error"),
        ("(" * 3000 + "id" + ")" * 3000, "is not a condition in SQL"),
    ],
)  # fmt: skip
def test_what_is_no_condition_on_a_row_is_refused(text: str, why: str) -> None:
    with pytest.raises(RulesError) as refused:
        condition(text, TYPES)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("nick = 'ANN'", "Ann", True),
        ("'ANN' <> nick", "Ann", False),
        ("nick LIKE 'A%'", "ann", True),
        ("nick LIKE '%N'", "ann", True),
        ("nick ~ '^A'", "ann", True),
        ("nick < 'B'", "ann", True),
        ("coalesce(nick, '') = 'Ann'", "ANN", True),
        ("nick::text = 'Ann'", "ann", False),
        ("CASE WHEN nick = 'Ann' THEN nick ELSE nick END = 'ANN'", "ann", True),
        ("nick IS NOT NULL", "ann", True),
        ("token = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", True),
        ("mood = 'low'", "low", True),
        ("mood IN ('low', 'high')", "low", True),
        ("waited IS NOT NULL", "1 day", True),
        ("waited::text LIKE '1 %'", "1 day", True),
        ("tags::text LIKE '%ann%'", "{ann}", True),
    ],
)
def test_types_are_compared_as_postgresql_does(text: str, value: str, holds: bool) -> None:
    compiled = condition(text, TYPES)
    assert compiled.holds(block(compiled.columns[0], value, None)).tolist() == [holds, False]


def test_a_regular_expression_takes_no_longer_than_its_text() -> None:
    compiled = condition("email ~ '^(x+x+)+y$'", PERSON)
    started = perf_counter()
    assert not compiled.holds(block("email", *["x" * 100_000] * 10)).any()
    assert perf_counter() - started < 60


def test_a_value_that_cannot_be_worked_out_is_not_told() -> None:
    compiled = condition("id::smallint > 0", PERSON)
    assert compiled.holds(block("id", "12", None)).tolist() == [True, False]
    with pytest.raises(RulesError) as refused:
        compiled.holds(block("id", "12", "987654321"))
    assert str(refused.value) == (
        "`id::smallint > 0` can't be worked out for some row of public.person: "
        "use TRY_CAST where a text may be no number or date."
    )
