"""Requests to GitHub over HTTP: pages, ETags, rate limits, lost connections.

Import this module only where GitHub is asked: httpx takes its time to load.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar
from urllib.parse import quote

import httpx

from etna_pipelines.errors import GitHubError, GitHubRefused, LostReply
from etna_pipelines.github.credentials import Credentials
from etna_pipelines.github.limits import PATIENT, Patience, wait_of, when
from etna_pipelines.github.memory import Memory, Page
from etna_pipelines.github.refusals import Purpose, refusal

T = TypeVar("T")

REDIRECTS = (301, 302, 307, 308)
"""A renamed repository: GitHub did nothing yet, so that even a POST may follow."""

MOST_REDIRECTS = 5

MOST_READINGS = 5
"""Of a listing that changes while it is read."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True)
class Reply:
    """What came back, whole."""

    status: int
    headers: httpx.Headers
    body: bytes
    next: str | None
    """The address of the next page."""


@dataclass(frozen=True)
class Ask:
    """A request."""

    method: str
    url: str
    purpose: Purpose
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    harmless: bool = True
    """Whether it may be sent again where it is unknown if it arrived."""


class Transport:
    """One API of GitHub's, asked as somebody."""

    def __init__(
        self, api_url: str, credentials: Credentials, patience: Patience = PATIENT, memory: Memory | None = None
    ) -> None:
        self._api = httpx.URL(api_url.rstrip("/"))
        self._credentials = credentials
        self._patience = patience
        self._deadline = time.monotonic() + patience.all
        self._memory = memory
        self._client = httpx.Client(
            timeout=httpx.Timeout(patience.reply, connect=min(10.0, patience.reply)),
            headers={
                "Accept": "application/vnd.github+json",
                "User-Agent": "etna-pipelines",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )

    def asked_by(self, credentials: Credentials) -> Self:
        """The same, asked as somebody else."""
        other = copy(self)
        other._credentials = credentials
        return other

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, purpose: Purpose, parse: Callable[[bytes], T], **query: str | int | None) -> T:
        """What stands at `path`."""
        return self._page(self._url(path, query), purpose, parse)[0]

    def listing(
        self, path: str, purpose: Purpose, parse: Callable[[bytes], list[T]], **query: str | int | None
    ) -> list[T]:
        """A listing, whole. Pages go by number and shift while things come and go, so that one may fall between two:
        several pages are read until two readings agree. What did not change costs nothing of the rate limit."""
        before: list[T] | None = None
        for _ in range(MOST_READINGS):
            pages = [*self.pages(path, purpose, parse, is_final=None, **query)]
            now = [each for page in pages for each in page]
            if len(pages) == 1 or now == before:
                return now
            before = now
        raise GitHubError(f"GitHub's pages change faster than they are read at {purpose.doing}: run this again.")

    def pages(
        self,
        path: str,
        purpose: Purpose,
        parse: Callable[[bytes], T],
        *,
        is_final: Callable[[T], bool] | None = None,
        **query: str | int | None,
    ) -> Iterator[T]:
        """A listing's pages, in order. A page that fails is an error: a listing is never cut short. One that is
        remembered and `is_final` is not asked for again."""
        url: str | None = self._url(path, query)
        seen = set[str]()
        while url:
            if url in seen:
                raise GitHubError(f"GitHub's pages go round in a circle at {purpose.doing}: run this again.")
            seen.add(url)
            answer, url = self._page(url, purpose, parse, is_final)
            yield answer

    def post(
        self,
        path: str,
        purpose: Purpose,
        parse: Callable[[bytes], T],
        body: Mapping[str, object] | None = None,
        *,
        harmless: bool = False,
    ) -> T:
        """Ask for something to be done. Raises LostReply where it is unknown whether it was; what is `harmless` is
        asked again instead."""
        reply = self._reply(Ask("POST", self._url(path, {}), purpose, body or {}, harmless=harmless))
        if reply.status >= 300:
            raise refusal(reply, purpose, self._credentials.variable)
        return self._parsed(reply.body, purpose, parse)

    def _page(
        self, url: str, purpose: Purpose, parse: Callable[[bytes], T], is_final: Callable[[T], bool] | None = None
    ) -> tuple[T, str | None]:
        """A page and the address of the next one."""
        known = self._memory.recall(url) if self._memory else None
        if known and is_final and is_final(remembered := self._parsed(known.body.encode(), purpose, parse)):
            return remembered, known.next
        reply = self._reply(Ask("GET", url, purpose, headers={"If-None-Match": known.etag} if known else {}))
        if reply.status == 304 and known:
            return self._parsed(known.body.encode(), purpose, parse), known.next
        if reply.status != 200:
            raise refusal(reply, purpose, self._credentials.variable)
        answer = self._parsed(reply.body, purpose, parse)
        if self._memory and (etag := reply.headers.get("etag")) and not _may_grow(answer, reply.next):
            self._memory.keep(Page(url, etag, reply.next, reply.body.decode()))
        return answer, reply.next

    def _reply(self, ask: Ask) -> Reply:
        """The reply to a request that was not met by a passing failure."""
        left, failures, redirects, renewed = self._patience.limit, 0, 0, False
        while True:
            if time.monotonic() > self._deadline:
                raise GitHubError(
                    f"GitHub was asked for longer than {self._patience.all:g} s, and {ask.purpose.doing} is still to "
                    "come: run this again, which goes on from what is remembered."
                )
            token = self._credentials.bearer()
            try:
                reply = self._sent(ask, token)
            except GitHubError as error:
                failures += 1
                if not error.retryable or failures >= self._patience.tries:
                    raise
                time.sleep(self._patience.pause * 2 ** (failures - 1))
                continue
            if reply.status in REDIRECTS and redirects < MOST_REDIRECTS:
                redirects += 1
                ask = replace(ask, url=self._on_this_server(reply.headers.get("location", ""), ask))
            elif (wait := wait_of(reply)) is not None:
                if wait > left:
                    raise GitHubError(
                        f"GitHub's rate limit lets nobody in before {when(wait)}, which {ask.purpose.doing} does not "
                        "wait for: run this again then."
                    )
                left -= wait
                time.sleep(wait)
            elif reply.status == 401 and not renewed and self._credentials.renew():
                renewed = True
            else:
                return reply

    def _sent(self, ask: Ask, token: str) -> Reply:
        """Send it once. Raises GitHubError where that may be repeated, LostReply where it may not."""
        headers = {**ask.headers, "Authorization": f"Bearer {token}"}
        try:
            with self._client.stream(ask.method, ask.url, json=ask.body, headers=headers) as response:
                deadline = time.monotonic() + self._patience.whole
                body = b"".join(_until(deadline, response.iter_bytes()))
                following = response.links.get("next", {}).get("url")
                reply = Reply(
                    response.status_code,
                    response.headers,
                    body,
                    self._on_this_server(following, ask) if following else None,
                )
        except _NEVER_SENT as error:
            raise self._unreachable(error, ask) from None
        except httpx.RequestError as error:
            raise _lost(ask, f"stopped answering ({type(error).__name__})") from None
        if reply.status >= 500:
            raise _lost(ask, f"failed ({reply.status})")
        return reply

    def _on_this_server(self, url: str, ask: Ask) -> str:
        """The absolute address; refused elsewhere, where the token has no business."""
        there = httpx.URL(ask.url).join(url)
        if (there.scheme, there.netloc) != (self._api.scheme, self._api.netloc):
            raise GitHubRefused(
                f"GitHub sends {ask.purpose.doing} to another server: correct `github.api_url` in environments.yaml."
            )
        return str(there)

    def _unreachable(self, error: httpx.TransportError, ask: Ask) -> GitHubError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return GitHubRefused(
                f"{self._api.host} has no certificate that is trusted here: set SSL_CERT_FILE to the file of its CA."
            )
        return GitHubError(
            f"{self._api.host} cannot be reached for {ask.purpose.doing}: check the network, and `github.api_url` in "
            "environments.yaml."
        )

    def _parsed(self, body: bytes, purpose: Purpose, parse: Callable[[bytes], T]) -> T:
        try:
            return parse(body)
        except ValueError:  # with the answer in it
            raise GitHubError(
                f"{self._api.host} did not answer as GitHub does to {purpose.doing}: run this again, and check "
                "`github.api_url` in environments.yaml."
            ) from None

    def _url(self, path: str, query: Mapping[str, str | int | None]) -> str:
        parameters = {name: value for name, value in query.items() if value is not None}
        address = httpx.URL(f"{self._api}/{quote(path.lstrip('/'))}")
        return str(address.copy_merge_params(parameters) if parameters else address)


def _until(deadline: float, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("The reply takes too long.")
        yield piece


def _lost(ask: Ask, what: str) -> GitHubError:
    if ask.harmless:
        return GitHubError(f"GitHub {what} at {ask.purpose.doing}: run this again; githubstatus.com tells of outages.")
    return LostReply(
        f"GitHub {what} at {ask.purpose.doing}, and may have done it: look there before you run this again."
    )


def _may_grow(answer: object, following: str | None) -> bool:
    """Whether a page may get a next one without changing itself, and so its ETag: the last one, where it is full.
    Pages hold 30 or 100 where nothing is said; any multiple of ten counts."""
    return following is None and isinstance(answer, list) and bool(answer) and len(answer) % 10 == 0
