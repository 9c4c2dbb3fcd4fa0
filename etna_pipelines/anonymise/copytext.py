"""COPY text: blocks of whole lines to columns and back, byte for byte.

The format is PostgreSQL's (documentation of COPY, "Text Format"): fields between tabs, rows between newlines, NULL is
`\\N`, and backslash escapes for the characters that would be mistaken for them. Only columns that a rule changes are
ever unescaped; all others pass as they are.
"""

import numpy as np
import polars as pl

from etna_pipelines.errors import ArchiveMalformed

NULL = "\\N"

_ESCAPED = ["\\\\", "\\b", "\\f", "\\n", "\\r", "\\t", "\\v"]
_PLAIN = ["\\", "\b", "\f", "\n", "\r", "\t", "\v"]

_TAB, _NEWLINE = np.uint8(9), np.uint8(10)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def names(count: int) -> list[str]:
    """The names that the columns of a block get: their positions."""
    return [str(position) for position in range(count)]


def read(block: bytes, columns: int, only: list[int] | None = None) -> pl.DataFrame:
    """The raw (still escaped) fields of a block of whole lines, as string columns named by position.

    `only` reads just those columns, which is faster. Raises ArchiveMalformed, without a value, where a line has
    another number of fields or the block is not UTF-8.
    """
    if not block:
        return pl.DataFrame(schema=dict.fromkeys(names(columns), pl.String))
    marked = block.startswith(_BYTE_ORDER_MARK)  # the reader would swallow it: give it a line of its own
    try:
        frame = pl.read_csv(
            b"\t" * (columns - 1) + b"\n" + block if marked else block,
            separator="\t",
            has_header=False,
            quote_char=None,
            empty_string_is_null=False,
            schema=dict.fromkeys(names(columns), pl.String),
            columns=only if only is None else sorted(only),
            extra_columns="raise",
            missing_columns="raise",
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:
        raise ArchiveMalformed(
            f"a block of the table's data is not {columns} columns of UTF-8 COPY text: take a new backup."
        ) from None
    frame = frame[1:] if marked else frame
    raw = np.frombuffer(block, np.uint8)
    rows = np.count_nonzero(raw == _NEWLINE)
    if frame.height != rows or np.count_nonzero(raw == _TAB) != rows * (columns - 1):
        raise ArchiveMalformed(f"a line of the table's data has not {columns} columns: take a new backup.")
    return frame


def write(frame: pl.DataFrame) -> bytes:
    """The block that `read` would have made this frame of."""
    if not frame.height:
        return b""
    lines = frame.select(pl.concat_str(pl.all(), separator="\t")).to_series()
    block: bytes = (
        lines.str.join("\n").cast(pl.Binary).item()
    )  # as bytes: Python would widen and narrow every character
    return block + b"\n"


def has_escapes(block: bytes) -> bool:
    """Whether any field of the block is escaped; where none is, nothing needs to be looked for in it."""
    return block.count(b"\\") != block.count(NULL.encode())


def unescape(fields: pl.Series, *, has_escapes: bool = True) -> pl.Series:
    """Values of raw fields; NULL becomes null."""
    nulls = fields == NULL
    values = pl.select(pl.when(~nulls).then(fields)).to_series() if nulls.any() else fields
    if not has_escapes or not values.str.contains("\\", literal=True).any():
        return values
    return values.str.replace_many(_ESCAPED, _PLAIN, leftmost=True)


def escape(values: pl.Series, *, is_plain: bool = False) -> pl.Series:
    """Raw fields of values; null becomes `\\N`. `is_plain` says that no value has anything to escape."""
    if not is_plain and values.str.contains(r"[\\\x08\x0c\n\r\t\x0b]").any():
        values = values.str.replace_many(_PLAIN, _ESCAPED, leftmost=True)
    return values.fill_null(NULL) if values.null_count() else values
