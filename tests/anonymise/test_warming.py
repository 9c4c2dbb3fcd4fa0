import os
import subprocess
import sys
from pathlib import Path

import pytest

from etna_pipelines.anonymise import warming

ALL_CALLED = """
import sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from etna_pipelines.anonymise import warming

warming.kept_in = lambda: Path(sys.argv[1])
warming.warm()
for name, module in sys.modules.items():
    if name.startswith("etna_pipelines.anonymise."):
        for kernel in vars(module).values():
            if isinstance(kernel, Dispatcher) and kernel.signatures and kernel.py_func.__module__ == name:
                print(name.removeprefix("etna_pipelines.anonymise."), kernel.py_func.__name__, sep=".")
"""

OF_EVERY_STRIP = {
    *(f"documents.{each}" for each in ("containers.find_in_arrays", "documents._spliced", "documents._unquoted")),
    *(
        f"kernels.copytext.{each}"
        for each in ("_ends", "_misfit", "_places", "_unescaped", "_has_specials", "_written")
    ),
    *(f"proof.contacts.{each}" for each in ("_wholes", "_emails", "_usernames", "_phones", "addresses")),
    *(f"proof.readings.{each}" for each in ("_unpacked", "_undone", "_with_letters")),
    *(f"proof.{each}" for each in ("words._secrets", "words._names", "search._find")),
    *(f"pseudonyms.{each}" for each in ("pseudonyms._hex", "pseudonyms._words", "phones._national")),
    *(f"scrub.{each}" for each in ("plain._undressed", "windows._windows", "known._sequence_hashes", "known._find")),
    *(f"values.{each}" for each in ("_joined", "_then", "_cut", "_same", "_distinct")),
    *("documents.quoting._enclosed", "kernels.siphash._siphash", "kernels.folding._lowered", "scrub.known._filter"),
}
"""The kernels that the demo's strip and proof call from Python."""


def test_kernels_of_a_strip_and_its_proof_are_compiled_and_marked(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ALL_CALLED, str(tmp_path)]
    called = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert OF_EVERY_STRIP - set(called) == set()
    assert [path.name for path in tmp_path.iterdir()] == ["warm"]


def test_nothing_is_started_where_all_is_compiled_or_nothing_would_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(warming, "_started", lambda: started.append("started"))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    kept: Path | None = tmp_path
    monkeypatch.setattr(warming, "kept_in", lambda: kept)
    with warming.warming():
        assert started == ["started"]
    (tmp_path / "warm").touch()
    with warming.warming():
        assert started == ["started"]
    kept = None
    with warming.warming():
        assert started == ["started"]


def test_it_ends_with_the_process_that_started_it() -> None:
    process = warming._started()
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as the system does when a process ends, however it ends
    assert process.wait(60) == 1


def test_the_block_runs_where_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "kept_in", lambda: tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with warming.warming():
        ran = True
    assert ran
