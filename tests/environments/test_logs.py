import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.environments.logs import drop_old_logs
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment

STAGING = Environment("staging", Database("here", 5432, "etna", "etna_staging"), "full")
LOGS = ["fix-ups/staging-p.log", "redeploys/staging-p-2.log", "rehearsals/26.11.23.1-r.log"]
OTHERS = ["fix-ups/development-p.log", "fix-ups/staging-p.txt", "superusers/staging"]


@pytest.mark.parametrize(("expires_after", "kept"), [(None, 30), (timedelta(days=14), 14), (timedelta(days=90), 30)])
def test_logs_go_with_the_copies_that_they_are_about(
    tmp_path: Path, expires_after: timedelta | None, kept: int
) -> None:
    now = datetime.now(UTC)
    for name in (*LOGS, *OTHERS):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("a row")
        os.utime(file, ((now - timedelta(days=kept)).timestamp(),) * 2)

    def left(after: timedelta) -> set[str]:
        drop_old_logs(tmp_path, replace(STAGING, expires_after=expires_after), now + after)
        return {str(file.relative_to(tmp_path)) for file in tmp_path.glob("*/*")}

    assert left(-timedelta(hours=1)) == {*LOGS, *OTHERS}
    assert left(timedelta(hours=1)) == {*OTHERS}
