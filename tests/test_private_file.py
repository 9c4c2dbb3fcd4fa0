import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from etna_pipelines.private_file import made_once


def test_one_text_is_made_and_everybody_reads_it(tmp_path: Path) -> None:
    numbers, path = count(), tmp_path / "secrets" / "one"
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: made_once(path, lambda: str(next(numbers))), range(50)))
    assert texts == {path.read_text()}
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    assert list(path.parent.iterdir()) == [path]
