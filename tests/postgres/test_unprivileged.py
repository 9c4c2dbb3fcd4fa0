"""Who a server runs as, with no more rights than it takes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from etna_pipelines.errors import ProgramError
from etna_pipelines.postgres.unprivileged import Account

PROGRAM = Path(shutil.which("true") or "/bin/true")  # that has a --version
needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="what root has to do on Linux")


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="what an ordinary user has to do")
def test_an_ordinary_user_runs_it_alone(directory: Path) -> None:
    assert Account.for_server(directory / "data", PROGRAM) == Account(os.geteuid(), os.getegid())


@needs_root
def test_root_gives_no_capability_where_none_is_needed(directory: Path) -> None:
    directory.chmod(0o711)
    account = Account.for_server(directory / "data", PROGRAM)
    assert account.uid != 0
    assert not [part for part in account.prefix if "ambient" in part]


@needs_root
def test_root_gives_the_least_capability_that_gets_through(directory: Path) -> None:
    directory.chmod(0o700)
    assert "--ambient-caps=-all,+dac_read_search" in Account.for_server(directory / "data", PROGRAM).prefix
    private = directory / "true"
    shutil.copy(PROGRAM, private)
    private.chmod(0o700)
    assert "--ambient-caps=-all,+dac_override" in Account.for_server(directory / "data", private).prefix


@needs_root
def test_the_owner_of_the_data_runs_it(directory: Path) -> None:
    os.chown(directory, 65534, 65534)
    assert Account.for_server(directory, PROGRAM).uid == 65534


@needs_root
def test_a_program_that_nobody_can_run(directory: Path) -> None:
    with pytest.raises(ProgramError, match=r"cannot reach .*missing: install util-linux"):
        Account.for_server(directory / "data", directory / "missing")
