import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import ValueMalformed
from etna_pipelines.postgres.server import Database
from tests.anonymise.nights import copied_in, copied_out, rewritten

AWKWARD = [
    *("", " ", "\t", "\n", "\r", "\r\n", "\\", "\\\\", "\\N", "\\.", "\\.\n\n\n", "\\t", "\\x41", "\\101"),
    *("\b\f\v", '"', '"quoted"', "a,b", "Llŷr", "🐑", "שלום", "\u00a0", "\ufeff", "\ufeffx", "\u2028", "\x7f", "\x1f"),
    *("NULL", "null", "N", "\\N\\N", "x\\", "\\\n", "\x85", "\x1c", "a\tb\nc\\d"),
]
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(AWKWARD),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.lists(st.sampled_from(AWKWARD), max_size=4).map("".join),
)
Row = tuple[str | None, ...]


def rows_of(width: int) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(*[TEXTS] * width), max_size=8)


def test_what_the_server_copies_out_is_written_back_byte_for_byte_and_loads_equal_rows(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE one (a text); CREATE TABLE two (LIKE one); ALTER TABLE two ADD b text")
        connection.execute("CREATE TABLE one_again (LIKE one); CREATE TABLE two_again (LIKE two)")

        @settings(max_examples=50, suppress_health_check=list(HealthCheck))
        @given(st.one_of(rows_of(1), rows_of(2)))
        def check(rows: list[Row]) -> None:
            width = len(rows[0]) if rows else 1
            name = "one" if width == 1 else "two"
            connection.execute("TRUNCATE one, two, one_again, two_again")
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * width)})", rows)
            block = copied_out(connection, name)
            assert rewritten(block, width) == block
            copied_in(connection, f"{name}_again", rewritten(block, width))
            assert connection.execute(f"SELECT * FROM {name}_again").fetchall() == rows

        check()


def test_awkward_values_are_read_as_the_server_meant_them(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (a text, b text)")
        connection.cursor().executemany("INSERT INTO t VALUES (%s, NULL)", [(value,) for value in AWKWARD])
        connection.cursor().executemany("INSERT INTO t VALUES (NULL, %s)", [(value,) for value in AWKWARD])
        block = copied_out(connection, "t")
    nulls = [None] * len(AWKWARD)
    fields = copytext.split(block, 2)
    assert [fields.values(position).to_list() for position in (0, 1)] == [AWKWARD + nulls, nulls + AWKWARD]


def written(rows: list[Row]) -> bytes:
    """Rows as COPY text."""
    fields = copytext.split(b"\t".join([b""] * len(rows[0])) + b"\n", len(rows[0]))
    blocks = [fields.written({at: Values.of([value]) for at, value in enumerate(row)}).tobytes() for row in rows]
    return b"".join(blocks)


@given(rows_of(3), st.sets(st.integers(0, 2)))
def test_values_written_are_read_again_whichever_columns_are_changed(rows: list[Row], changed: set[int]) -> None:
    block = written(rows) if rows else b""
    fields = copytext.split(block, 3)
    assert len(fields) == len(rows)
    assert [fields.values(at).to_list() for at in range(3)] == [[row[at] for row in rows] for at in range(3)]
    assert fields.written({at: fields.values(at) for at in changed}).tobytes() == block
    others = Values.of([None if row[0] is None else row[0] + "\\" for row in rows])
    again = copytext.split(fields.written(dict.fromkeys(changed, others)).tobytes(), 3)
    for at in range(3):
        assert again.values(at).to_list() == (others if at in changed else fields.values(at)).to_list()


def test_only_the_rows_that_are_kept_are_written() -> None:
    fields = copytext.split(b"1\ta\n2\tb\n3\tc\n", 2)
    kept = np.array([True, False, True])
    assert fields.written({0: Values.of(["x", "y", "z"])}, kept).tobytes() == b"x\ta\nz\tc\n"
    assert fields.written({}, kept).tobytes() == b"1\ta\n3\tc\n"


def test_no_lines_are_no_rows() -> None:
    fields = copytext.split(b"", 3)
    assert (len(fields), fields.written({}).tobytes()) == (0, b"")
    assert fields.values(2).to_list() == []


def test_lines_of_one_empty_column_and_of_none_are_rows() -> None:
    assert copytext.split(b"\n\n\n", 1).values(0).to_list() == ["", "", ""]
    fields = copytext.split(b"\n\n\n", 0)
    assert (len(fields), fields.written({}).tobytes()) == (3, b"\n\n\n")


def test_a_table_may_have_1600_columns() -> None:
    block = b"\t".join(b"%d" % number for number in range(1600)) + b"\n"
    fields = copytext.split(block * 3, 1600)
    assert fields.values(1599).to_list() == ["1599"] * 3
    assert fields.written({1599: Values.of(["a", None, ""])}).tobytes().splitlines()[1].endswith(b"\t1598\t\\N")


def test_a_byte_order_mark_first_is_part_of_the_value() -> None:
    block = "\ufeffa\tb\n\ufeffc\td\n".encode()
    assert copytext.split(block, 2).values(0).to_list() == ["\ufeffa", "\ufeffc"]


@pytest.mark.parametrize(
    ("block", "row"),
    [
        (b"secret\tb\nsecret\n", 1),  # too few
        (b"secret\tb\nsecret\tb\tc\n", 1),  # too many
        (b"secret\tb\tc\nsecret\n", 0),  # both, so that the sum is right
        (b"secret\n", 0),
        (b"secret\tb\n\xff\xfe\tb\n", 1),  # no UTF-8
        (b"secret\tb\nsecret\xc3\t\xa9b\n", 1),  # a character across two fields
        (b"secret\tb\nsecret\td", 1),  # cut before its end
        (b"secret\tb\n\n", 1),
        (b"\xef\xbb\xbfsecret\n", 0),
    ],
)
def test_a_line_of_another_width_or_encoding_is_malformed_and_not_quoted(block: bytes, row: int) -> None:
    with pytest.raises(ValueMalformed, match="not 2 columns") as told:
        copytext.split(block, 2)
    assert told.value.position == row
    assert "secret" not in str(told.value)


def test_escapes_that_the_server_does_not_write_are_malformed() -> None:
    for value in (rb"\x41", rb"\101", rb"\.", rb"\Nx\n", rb"a\q"):
        with pytest.raises(ValueMalformed, match="backslash") as refused:
            copytext.split(b"a\tb\n" + value + b"\tb\n", 2).values(0)
        assert refused.value.position == 1
    for block in (b"a\\\tb\tc\n", b"a\tb\\\n"):  # a tab and a newline that belong to the value
        with pytest.raises(ValueMalformed):
            copytext.split(block, 2)
    assert copytext.split(b"a\\\\\tb\\\\\n", 2).values(1).to_list() == ["b\\"]


def test_a_nul_is_malformed() -> None:
    with pytest.raises(ValueMalformed, match="NUL") as refused:
        copytext.split(b"a\n\0secret\n", 1)
    assert refused.value.position == 1


def test_a_row_without_columns_holds_nothing() -> None:
    with pytest.raises(ValueMalformed, match="not 0 columns"):
        copytext.split(b"\nsecret\n", 0)
