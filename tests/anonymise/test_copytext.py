import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etna_pipelines.anonymise import copytext
from etna_pipelines.errors import ArchiveMalformed
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
    frame = copytext.read(block, 2)
    nulls = [None] * len(AWKWARD)
    assert copytext.unescape(frame["0"]).to_list() == AWKWARD + nulls
    assert copytext.unescape(frame["1"]).to_list() == nulls + AWKWARD


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=6))
def test_escaping_is_undone_by_unescaping(values: list[str | None]) -> None:
    series = pl.Series(values, dtype=pl.String)
    assert copytext.unescape(copytext.escape(series)).to_list() == values


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=5), st.sampled_from([0, 1]))
def test_one_column_alone_reads_as_it_does_among_all(rows: list[tuple[str, str]], position: int) -> None:
    values = pl.DataFrame(rows, schema=["0", "1"], orient="row")
    block = copytext.write(values.select(copytext.escape(values[name]) for name in values.columns))
    assert copytext.read(block, 2, only=[position])[str(position)].to_list() == (
        copytext.read(block, 2)[str(position)].to_list()
    )


def test_no_lines_are_no_rows() -> None:
    frame = copytext.read(b"", 3)
    assert (frame.height, frame.width) == (0, 3)
    assert copytext.write(frame) == b""


def test_lines_of_one_empty_column_are_rows() -> None:
    frame = copytext.read(b"\n\n\n", 1)
    assert frame["0"].to_list() == ["", "", ""]
    assert copytext.write(frame) == b"\n\n\n"


def test_a_byte_order_mark_first_is_part_of_the_value() -> None:
    block = "\ufeffa\tb\n\ufeffc\td\n".encode()
    frame = copytext.read(block, 2)
    assert frame.rows() == [("\ufeffa", "b"), ("\ufeffc", "d")]
    assert copytext.write(frame) == block
    assert copytext.read(block, 2, only=[1])["1"].to_list() == ["b", "d"]


@pytest.mark.parametrize(
    "block",
    [
        b"secret\tb\nsecret\n",  # too few
        b"secret\tb\nsecret\tb\tc\n",  # too many
        b"secret\tb\tc\nsecret\n",  # both, so that the sum is right
        b"secret\n",
        b"secret\tb\n\xff\xfe\tb\n",  # no UTF-8
        b"secret\tb\nsecret\xc3\t\xa9b\n",  # a character across two fields
        b"secret\tb\nsecret\td",  # cut before its end
        b"secret\tb\n\n",
        b"\xef\xbb\xbfsecret\n",
    ],
)
@pytest.mark.parametrize("only", [None, [0], [1]])
def test_a_line_of_another_width_or_encoding_is_malformed_and_not_quoted(block: bytes, only: list[int] | None) -> None:
    with pytest.raises(ArchiveMalformed) as refused:
        copytext.read(block, 2, only=only)
    assert "2 columns" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("block", "escaped"),
    [(b"a\t\\N\n", False), (b"\\N\t\\N\n", False), (b"a\\\\N\t\\N\n", True), (b"a\\tb\tc\n", True)],
)
def test_whether_a_block_has_escapes_besides_nulls(block: bytes, escaped: bool) -> None:
    assert copytext.has_escapes(block) is escaped
