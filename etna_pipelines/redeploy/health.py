"""Does the application answer after a redeploy, and at the right version?

A deployment of the version that was there before looks done from the first moment on: so this is asked only after the
deployment itself has come to its end.
"""

import json
from typing import TYPE_CHECKING

from etna_pipelines.errors import RedeployFailed
from etna_pipelines.redeploy.spec import Health
from etna_pipelines.redeploy.waiting import wait_for

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER = 64 * 1024
LONGEST_VERSION = 200
TIMEOUT = 10.0


def check_application(health: Health, environment: str, expected: str | None, *, every: float = 5.0) -> str | None:
    """Wait until the application answers, and answers with the expected version; return the version that it names.

    Raises RedeployFailed after `health.patience` seconds, with what it answered last."""
    import httpx

    with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
        asking = _Asking(client, health, expected)
        if wait_for(asking.is_well, health.patience, every):
            return asking.version
    raise RedeployFailed(
        f"{environment} was redeployed and is not healthy after {health.patience} s: "
        f"{asking.last}; look at its log, then run `etna redeploy {environment}`, or `etna rollback {environment}` for "
        "the database it had before."
    )


class _Asking:
    """Asks for both addresses, and remembers what it was told."""

    def __init__(self, client: "httpx.Client", health: Health, expected: str | None) -> None:
        self._client = client
        self._health = health
        self._expected = expected
        self.version: str | None = None
        self.last = ""

    def is_well(self) -> bool | None:
        """True, or None where that is still to come."""
        if self._get(self._health.url) is None:
            return None
        if not (url := self._health.version_url):
            return True
        if (body := self._get(url)) is None:
            return None
        self.version = version_in(body)
        if self._expected and not same_version(self.version, self._expected):
            self.last = f"{url} names {self.version or 'no version'} and not {self._expected}"
            return None
        return True

    def _get(self, url: str) -> bytes | None:
        """The body of an answer of 200, as far as it matters."""
        import httpx

        try:
            with self._client.stream("GET", url) as answer:
                if answer.status_code != 200:
                    self.last = f"{url} answers {answer.status_code}"
                    return None
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > LONGEST_ANSWER:
                        break
                return body[:LONGEST_ANSWER]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.last = f"{url} does not answer ({type(error).__name__})"
            return None


def version_in(body: bytes) -> str | None:
    """The version that a body names: as `version` of a JSON object, or as its only line."""
    text = body.decode(errors="replace").strip()
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    named = str(read.get("version") or "") if isinstance(read, dict) else text.strip('"')
    is_one = named.isprintable() and len(named) <= LONGEST_VERSION and not named.startswith("<")
    return named if named and is_one else None


def same_version(one: str | None, other: str | None) -> bool:
    """Whether two names are of the same version: a tag may carry a `v`."""
    return (one or "").removeprefix("v") == (other or "").removeprefix("v")
