from etna_pipelines.anonymise.parts import LEAST, parts
from etna_pipelines.snapshots.manifest import ArchiveFile, Slice

MB = 1_000_000


def file(name: str, *slices: int) -> ArchiveFile:
    """A file of slices of so many bytes, a member each."""
    cut = [Slice(members=1, rows=1, sha256="") for _ in slices] if len(slices) > 1 else []
    return ArchiveFile(name=name, bytes=sum(slices), sha256="", members=[*slices], slices=cut)


def shared_out(size: int, *files: tuple[ArchiveFile, bool]) -> list[list[tuple[str, int, int]]]:
    return [[(piece.file, piece.begin, piece.end) for piece in part] for part in parts(files, size)]


def test_small_files_go_together_and_a_large_one_in_several() -> None:
    small = [(file(name, MB), True) for name in "abc"]
    large = (file("d", *[MB] * 5), True)
    assert shared_out(2 * MB, *small, large) == [
        [("a", 0, 1), ("b", 0, 1)],
        [("c", 0, 1)],
        [("d", 0, 2)],
        [("d", 2, 4)],
        [("d", 4, 5)],
    ]


def test_what_is_only_copied_is_never_divided_and_weighs_little() -> None:
    copied = [(file(str(number), *[MB] * 9), False) for number in range(5)]
    assert shared_out(4 * LEAST, *copied) == [[(str(number), 0, 9) for number in range(4)], [("4", 0, 9)]]


def test_a_slice_is_the_smallest_part() -> None:
    assert shared_out(1, (file("a", MB, MB), True), (file("b", MB), True)) == [
        [("a", 0, 1)],
        [("a", 1, 2)],
        [("b", 0, 1)],
    ]
    assert parts([], MB) == []
