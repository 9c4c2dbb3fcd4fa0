import ctypes
import gc

import psutil
import pytest

from etna_pipelines.anonymise.memory import give_back, set_aside

PIECE, PIECES = 60_000, 4_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
def test_what_was_freed_between_what_is_kept_goes_back_to_the_system() -> None:
    def resident() -> int:
        return psutil.Process().memory_info().rss

    pieces = [bytearray(PIECE) for _ in range(PIECES)]
    kept = pieces[::50]
    del pieces
    before = resident()

    give_back()

    assert before - resident() > PIECE * PIECES / 2
    assert {len(piece) for piece in kept} == {PIECE}


def test_what_there_was_before_is_passed_over_and_looked_at_again_afterwards() -> None:
    before: list[list[object]] = [[] for _ in range(1000)]
    with set_aside():
        assert gc.get_freeze_count() > len(before)
        assert not any(each is before for each in gc.get_objects())
    assert gc.get_freeze_count() == 0
    assert any(each is before for each in gc.get_objects())
