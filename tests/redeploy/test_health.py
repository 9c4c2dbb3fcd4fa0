"""Does the application answer, and at the right version: asked over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from etna_pipelines.errors import RedeployFailed
from etna_pipelines.redeploy.health import check_application, same_version, version_in
from etna_pipelines.redeploy.spec import Health
from tests.github_http import HttpServer, Reply, Request


@dataclass
class Site:
    """Answers what it is told to, one reply after the other, and the last one from then on."""

    pages: dict[str, list[Reply]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = HttpServer(self.answer, lambda request: None)

    def answer(self, request: Request) -> Reply:
        replies = self.pages[request.path]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def health(self, version_url: str | None = None, patience: int = 5) -> Health:
        return Health(
            url=f"{self.http.url}/",
            version_url=f"{self.http.url}{version_url}" if version_url else None,
            patience=patience,
        )


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site({"/": [Reply(200)]})
    with site.http.running():
        yield site


def check(health: Health, expected: str | None = None) -> str | None:
    return check_application(health, "staging", expected, every=0.02)


def test_it_is_waited_for(site: Site) -> None:
    site.pages["/"] = [Reply(503), Reply(301, headers={"location": "/home"})]
    site.pages["/home"] = [Reply(404), Reply(200)]
    assert check(site.health(), "26.08.21.2215") is None


def test_the_version_is_waited_for(site: Site) -> None:
    site.pages["/version"] = [Reply(200, {"version": "26.08.20.1"}), Reply(200, {"version": "v26.08.21.2215"})]
    assert check(site.health("/version"), "26.08.21.2215") == "v26.08.21.2215"


def test_any_version_will_do_where_none_is_expected(site: Site) -> None:
    site.pages["/version"] = [Reply(200, "26.08.20.1")]
    assert check(site.health("/version")) == "26.08.20.1"


@pytest.mark.parametrize(
    ("page", "version", "told"),
    [
        (Reply(500), Reply(200, "26.08.21.2215"), "/ answers 500"),
        (Reply(200), Reply(200, "26.08.20.1"), "/version names 26.08.20.1 and not 26.08.21.2215"),
    ],
)
def test_what_it_answered_last_is_told_and_a_rollback_offered(
    site: Site, page: Reply, version: Reply, told: str
) -> None:
    site.pages = {"/": [page], "/version": [version]}
    with pytest.raises(RedeployFailed, match="not healthy after 1 s") as raised:
        check(site.health("/version", patience=1), "26.08.21.2215")
    assert told in str(raised.value) and "`etna rollback staging`" in str(raised.value)


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b"26.08.21.2215\n", "26.08.21.2215"),
        (b'"26.08.21.2215"', "26.08.21.2215"),
        (b'{"version": "26.08.21.2215", "x": 1}', "26.08.21.2215"),
        (b'{"release": 1}', None),
        (b"<html>...</html>", None),
        (b"two\nlines", None),
        (b"", None),
        (b"\xff" * 300, None),
    ],
)
def test_the_version_in_an_answer(body: bytes, version: str | None) -> None:
    assert version_in(body) == version


def test_a_tag_may_carry_a_v() -> None:
    assert same_version("v26.08.21.1", "26.08.21.1")
    assert not same_version("26.08.21.1", "26.08.21.12")
    assert not same_version(None, "26.08.21.1")
