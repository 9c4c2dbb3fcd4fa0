"""What people are told of a run that failed, by runs that fail."""

from pathlib import Path

import dagster as dg
import pytest

from etna_pipelines.defs.running import run_nightly, sentence
from etna_pipelines.errors import PushRefused, SettingsError, StoreError
from etna_pipelines.progress import silent

ONCE_MORE = dg.RetryPolicy(max_retries=1)


@dg.op
def refused() -> None:
    raise PushRefused("development: is production; name another database.")


@dg.op(retry_policy=ONCE_MORE)
def still_away() -> None:
    raise StoreError("The store does not answer.")


@dg.op
def check_failed() -> None:
    raise dg.Failure("The proof found 3 originals.", allow_retries=False)


@dg.op(retry_policy=ONCE_MORE)
def fault() -> None:
    raise KeyError("swordfish")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (refused, "development: is production; name another database."),
        (still_away, "The store does not answer."),
        (check_failed, "The proof found 3 originals."),
        (fault, "fault met a fault of its own: `uv run dagster dev` shows it among its runs."),
    ],
)
def test_a_failed_step_is_told_in_its_own_sentence(step: dg.OpDefinition, told: str) -> None:
    @dg.job
    def nightly() -> None:
        step()

    result = nightly.execute_in_process(raise_on_error=False)

    assert not result.success
    assert sentence(result.all_events, result.run_id) == told


def test_no_history_is_begun_in_some_other_directory(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    with pytest.raises(SettingsError, match=r"There is no dagster\.yaml in "):
        run_nightly(silent)
    assert list(fresh.iterdir()) == []
