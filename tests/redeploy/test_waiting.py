import pytest

from etna_pipelines.redeploy import waiting
from etna_pipelines.redeploy.waiting import wait_for


def test_what_is_found_is_returned_at_once_and_later() -> None:
    assert wait_for(lambda: 0, patience=0) == 0
    finds = iter([None, None, "here"])
    assert wait_for(lambda: next(finds), patience=5, every=0.01) == "here"


def test_it_is_asked_sooner_in_the_beginning_and_once_more_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waiting.time, "sleep", sleep)

    assert wait_for(lambda: asked.append(now[0]), patience=80, every=32) is None
    assert asked == [0, 1, 3, 7, 15, 31, 63, 80]
