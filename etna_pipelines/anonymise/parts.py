"""Parts: how the work on an archive is shared out. A part is what one worker does at a time, from the store alone."""

from collections.abc import Iterable

from etna_pipelines.snapshots.manifest import ArchiveFile
from etna_pipelines.snapshots.pieces import Piece, bytes_of

Part = list[Piece]

LEAST = 256 * 1024
"""What a file that is only copied, or is small, counts as: bytes that would take about as long."""


def parts(files: Iterable[tuple[ArchiveFile, bool]], size: int) -> list[Part]:
    """Parts of about `size` bytes: small files together, a large one in several. Each file comes with whether it is
    worked on; one that is not is never divided."""
    made: list[Part] = [[]]
    room = size
    for file, is_worked_on in files:
        pieces = _pieces(file, size) if is_worked_on else [(Piece.whole(file), LEAST)]
        for piece, weight in pieces:
            if made[-1] and weight > room:
                made.append([])
                room = size
            made[-1].append(piece)
            room -= weight
    return [part for part in made if part]


def _pieces(file: ArchiveFile, size: int) -> list[tuple[Piece, int]]:
    """The pieces of a file, none of them larger than `size` unless a slice is, each with its bytes."""
    if file.bytes <= size:
        return [(Piece.whole(file), max(file.bytes, LEAST))]
    pieces: list[tuple[Piece, int]] = []
    for number, weight in enumerate(bytes_of(file)):
        last, sum_ = pieces[-1] if pieces else (None, size)
        if last and sum_ + weight <= size:
            pieces[-1] = (last.model_copy(update={"end": number + 1}), sum_ + weight)
        else:
            pieces.append((Piece(file=file.name, begin=number, end=number + 1), weight))
    return pieces
