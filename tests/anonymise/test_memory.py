import ctypes

import psutil
import pytest

from etna_pipelines.anonymise.memory import give_back

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
