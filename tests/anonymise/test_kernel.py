import os
from pathlib import Path

import pytest

from etna_pipelines.anonymise.kernel import forget_outdated

KERNEL = "from etna_pipelines.anonymise.kernel import kernel\n"


@pytest.mark.parametrize(
    ("source", "compiled", "kept"),
    [(KERNEL, "before", False), (KERNEL, "after", True), ("import re\n", "before", True)],
)
def test_what_was_compiled_before_a_kernel_changed_is_forgotten(
    tmp_path: Path, source: str, compiled: str, kept: bool
) -> None:
    (tmp_path / "other.py").write_text(KERNEL)
    (tmp_path / "changed.py").write_text(source)
    index = tmp_path / "masks" / "__pycache__" / "other.loop.nbi"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"")
    os.utime(tmp_path / "other.py", (1000, 1000))
    os.utime(tmp_path / "changed.py", (2000, 2000))
    os.utime(index, (1500, 1500) if compiled == "before" else (2500, 2500))
    forget_outdated(tmp_path)
    assert index.exists() == kept
