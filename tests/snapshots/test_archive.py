import gzip
import hashlib
import zlib
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.snapshots.archive import EMPTY, Tally, blocks_of_lines, compress, decompress

LINES = b"".join(b"row %d\n" % number for number in range(1000))


def read(*chunks: bytes) -> bytes:
    return b"".join(decompress(chunks))


@given(st.lists(st.binary(max_size=30)), st.integers(1, 40))
def test_blocks_are_the_stream_cut_behind_newlines(chunks: list[bytes], size: int) -> None:
    blocks = list(blocks_of_lines(chunks, size))
    assert b"".join(blocks) == b"".join(chunks)
    assert all(block.endswith(b"\n") for block in blocks[:-1])


@pytest.mark.parametrize("size", [1, 7, 100, 10**9])
def test_blocks_are_about_as_large_as_asked_for(size: int) -> None:
    chunks = [LINES[start : start + 5] for start in range(0, len(LINES), 5)]
    blocks = list(blocks_of_lines(chunks, size))
    assert all(size <= len(block) + len("row 999\n") and len(block) < size + 15 for block in blocks[:-1])


def test_a_line_longer_than_a_block_stays_whole() -> None:
    long = b"x" * 1000 + b"\n"
    assert list(blocks_of_lines([b"a\n", long[:500], long[500:], b"b\n"], 10)) == [b"a\n" + long, b"b\n"]


def test_no_bytes_are_no_blocks() -> None:
    assert list(blocks_of_lines([])) == []


@pytest.mark.parametrize("cut", [1, 2, 17, 10**6])
def test_members_after_one_another_are_one_file_for_everybody(cut: int) -> None:
    file = b"".join(compress(block) for block in blocks_of_lines([LINES], 100)) + compress(EMPTY)
    assert gzip.decompress(file) == LINES + EMPTY
    assert read(*(file[start : start + cut] for start in range(0, len(file), cut))) == LINES + EMPTY


def test_what_others_compressed_is_read() -> None:
    assert read(gzip.compress(LINES), gzip.compress(b"")) == LINES


@pytest.mark.parametrize("times", [1, 20])
def test_equal_data_makes_equal_bytes_in_any_thread(times: int) -> None:
    made: set[bytes] = set()
    threads = [Thread(target=lambda: made.add(compress(LINES * times))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {compress(LINES * times)}


def test_short_blocks_are_left_to_zlib() -> None:
    """ISA-L finds other matches in one process of twenty."""
    short = b"\\N\t\\N\t\\N\n\\.\n"
    assert compress(short) == zlib.compress(short, 1, wbits=31)
    assert compress(memoryview(short)) == compress(short)


@pytest.mark.parametrize("end", [1, 9, 20, -9, -1])
def test_a_cut_file_is_damaged(end: int) -> None:
    with pytest.raises(SnapshotDamaged, match="it ends too early"):
        read(compress(b"first\n"), compress(LINES)[:end])


@pytest.mark.parametrize("position", [0, 40, 400, -6, -2])
def test_a_flipped_byte_is_damage(position: int) -> None:
    file = bytearray(compress(LINES))
    file[position] ^= 0x10
    with pytest.raises(SnapshotDamaged):
        read(bytes(file))


@pytest.mark.parametrize("file", [b"PGDMP and so on, for long enough", compress(b"a\n") + b"appended to it, for long"])
def test_what_is_no_gzip_is_damaged(file: bytes) -> None:
    with pytest.raises(SnapshotDamaged):
        read(file)


def test_an_empty_stream_holds_nothing() -> None:
    assert read() == b""


def test_a_tally_knows_what_has_passed() -> None:
    tally = Tally()
    blocks = [b"a\nb\n", b"c\n" + EMPTY]
    file = b"".join(tally.add(compress(block), block) for block in blocks)
    assert (tally.bytes, tally.sha256) == (len(file), hashlib.sha256(file).hexdigest())
    assert (tally.raw_bytes, tally.rows) == (6 + len(EMPTY), 3)
    assert [read(file[: tally.members[0]]), read(file[tally.members[0] :])] == blocks
    assert sum(tally.members) == len(file)
