import time

from etna_pipelines.redeploy.waiting import wait_for


def test_what_is_found_is_returned_at_once_and_later() -> None:
    assert wait_for(lambda: 0, patience=0) == 0
    finds = iter([None, None, "here"])
    assert wait_for(lambda: next(finds), patience=5, every=0.01) == "here"


def test_it_is_asked_sooner_in_the_beginning_and_once_more_at_the_end() -> None:
    began, asked = time.monotonic(), list[float]()

    def look() -> None:
        asked.append(time.monotonic() - began)

    assert wait_for(look, patience=0.3, every=1) is None
    assert len(asked) > 2 and asked[-1] >= 0.3
