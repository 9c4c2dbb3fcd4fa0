"""A GitHub over HTTP, with one repository: the fixture `github_server` of conftest.py; `github` is a client of it.

Every request and every reply is held against GitHub's own description (tests/github_openapi.py); what does not keep to
it fails the test. State is set by methods and may change at any time:

    github_server.add_branch("feature/login")             del github_server.branches["feature/login"]
    deployment = github_server.deploy("feature/login", ref="feature/login", state="success")
    github_server.set_state(deployment, "inactive")
    github_server.workflows["deploy.yml"] = Workflow(inputs={"version", "push"}, run_name="Deploy {version} ({push})")
    github_server.add_tag("v26.08.21.2215")               github_server.add_release("v26.08.21.2215", draft=True)

A dispatched run is `queued`, then `in_progress`, then over: each reading of the run (not of the listing) is a step.
`Workflow` is of tests/github_repository.py: `Workflow(concludes="failure")` says how its runs end; `does=...` what one
that succeeds does, such as making a tag; `shown_after=2` that listings show a run from the third on, as GitHub's do.

Faults are those of tests/github_faults.py: `github_server.faults.append(lost_reply(on="dispatches"))`. `page` puts
fewer things on a page than are asked for; `permissions` is what the token may; `requests` is what arrived,
`count("dispatches")` how often, `dispatches` what was carried out. `spec` is what environments.yaml would say of it,
TOKEN the token that it takes.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlencode

import jwt

from etna_pipelines.github.spec import GitHubApp, GitHubSpec
from tests.github_faults import Fault
from tests.github_http import HttpServer, Reply, Request
from tests.github_openapi import Description, Operation
from tests.github_repository import Repository, time_of

Json = Any

TOKEN = "github_pat_for_tests"


class Refusal(Exception):
    """GitHub's answer to what it does not do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Route:
    operation: Operation
    pattern: re.Pattern[str]
    needs: str
    """`contents: read`; empty where a token is no matter."""
    serve: Callable[..., Reply]


class GitHubServer(Repository):
    """GitHub, as far as the project uses it."""

    def __init__(self, description: Description) -> None:
        super().__init__(description)
        self.tokens = {TOKEN}
        self.app: tuple[int, int, str] | None = None
        """A GitHub App's id, its installation's, and its public key in PEM."""
        self.permissions = {"contents": "read", "deployments": "read", "actions": "write"}
        self.page = 100
        self.tells_runs = True
        """Whether a dispatch can answer with its run; GitHub Enterprise Server 3.20 refuses to be asked for it."""
        self.remaining = 5000
        self.faults: list[Fault] = []
        self.mistakes: list[str] = []
        self._lock = threading.RLock()
        self._routes = [self._route(*route) for route in self._operations()]
        self._http = HttpServer(self.answer, self.fault_for)
        self.url = self._http.url
        self.requests: list[Request] = self._http.seen

    @property
    def spec(self) -> GitHubSpec:
        """What environments.yaml says under `github:`."""
        app = GitHubApp(id=self.app[0], installation=self.app[1]) if self.app else None
        return GitHubSpec(repository=self.repository, api_url=self.url, app=app)

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._http.running():
            yield

    def count(self, what: str) -> int:
        """How many requests hold `what`, as in `POST /repos/a/b/...` or `GET /repos/a/b/tags?page=2`."""
        return sum(what in request.line for request in self.requests)

    # What is asked of it.

    def _operations(self) -> list[tuple[str, str, str, Callable[..., Reply]]]:
        repository = "/repos/{owner}/{repo}"
        return [
            ("GET", f"{repository}/git/matching-refs/{{ref}}", "contents: read", self._matching_refs),
            ("GET", f"{repository}/deployments", "deployments: read", self._list_deployments),
            ("GET", f"{repository}/deployments/{{deployment_id}}/statuses", "deployments: read", self._list_statuses),
            ("POST", f"{repository}/actions/workflows/{{workflow_id}}/dispatches", "actions: write", self._dispatch),
            ("GET", f"{repository}/actions/workflows/{{workflow_id}}/runs", "actions: read", self._list_runs),
            ("GET", f"{repository}/actions/runs/{{run_id}}", "actions: read", self._get_run),
            ("GET", f"{repository}/releases", "contents: read", self._list_releases),
            ("GET", f"{repository}/tags", "contents: read", self._list_tags),
            ("POST", "/app/installations/{installation_id}/access_tokens", "", self._installation_token),
        ]

    def _matching_refs(self, request: Request, ref: str) -> Reply:
        example = self.description.example("git-ref-items")[0]
        refs = {f"refs/heads/{name}": sha for name, sha in self.branches.items()}
        refs |= {f"refs/tags/{name}": sha for name, sha in self.tags.items()}
        return self._paged(
            request,
            [
                {**example, "ref": name, "object": {**example["object"], "sha": sha}}
                for name, sha in sorted(refs.items())
                if name.startswith(f"refs/{ref}")
            ],
        )

    def _list_deployments(self, request: Request) -> Reply:
        return self._paged(request, self.deployments)

    def _list_statuses(self, request: Request, deployment_id: str) -> Reply:
        if int(deployment_id) not in self.statuses:
            raise Refusal(404, "Not Found")
        return self._paged(request, self.statuses[int(deployment_id)])

    def _dispatch(self, request: Request, workflow_id: str) -> Reply:
        self._known(workflow_id)
        if "return_run_details" in request.body and not self.tells_runs:
            raise Refusal(400, "Bad Request")
        ref, inputs = request.body["ref"], request.body.get("inputs", {})
        if ref not in self.branches and ref not in self.tags:
            raise Refusal(422, f"No ref found for: {ref}")
        if unexpected := sorted(inputs.keys() - self.workflows[workflow_id].inputs):
            raise Refusal(422, f"Unexpected inputs provided: {json.dumps(unexpected)}")
        run = self.start(workflow_id, ref, dict(inputs))
        if not request.body.get("return_run_details"):
            return Reply(204)
        address = f"{self.url}/repos/{self.repository}/actions/runs/{run['id']}"
        return Reply(200, {"workflow_run_id": run["id"], "run_url": address, "html_url": run["html_url"]})

    def _list_runs(self, request: Request, workflow_id: str) -> Reply:
        self._known(workflow_id)
        asked = request.query
        since = datetime.fromisoformat(asked["created"].removeprefix(">=")) if "created" in asked else None
        found = []
        for run in self.runs:
            if (
                self.shows(run)
                and run["name"] == workflow_id
                and asked.get("event", run["event"]) == run["event"]
                and asked.get("branch", run["head_branch"]) == run["head_branch"]
                and asked.get("status", run["status"]) in (run["status"], run["conclusion"])
                and (since is None or datetime.fromisoformat(run["created_at"]) >= since)
            ):
                found.append(run)
        reply = self._paged(request, found)
        reply.body = {"total_count": len(found), "workflow_runs": reply.body}
        return reply

    def _get_run(self, request: Request, run_id: str) -> Reply:
        run = next((run for run in self.runs if run["id"] == int(run_id)), None)
        if run is None:
            raise Refusal(404, "Not Found")
        as_it_is = dict(run)
        self.go_on(run)
        return Reply(200, as_it_is)

    def _list_releases(self, request: Request) -> Reply:
        sees_drafts = self.permissions.get("contents") == "write"
        return self._paged(request, [release for release in self.releases if sees_drafts or not release["draft"]])

    def _list_tags(self, request: Request) -> Reply:
        example = self.description.example("tag-items")[0]
        tags = [
            {**example, "name": name, "commit": {**example["commit"], "sha": sha}} for name, sha in self.tags.items()
        ]
        return self._paged(request, sorted(tags, key=lambda tag: str(tag["name"]), reverse=True))

    def _installation_token(self, request: Request, installation_id: str) -> Reply:
        if self.app is None:
            raise Refusal(404, "Integration not found")
        app, installation, key = self.app
        try:
            claims = jwt.decode(
                request.bearer, key, ["RS256"], issuer=str(app), options={"require": ["iat", "exp", "iss"]}
            )
        except jwt.InvalidTokenError:
            raise Refusal(401, "A JSON web token could not be decoded") from None
        if claims["exp"] - datetime.now(UTC).timestamp() > 600:
            raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
        if int(installation_id) != installation:
            raise Refusal(404, "Not Found")
        token = f"ghs_{next(self.ids)}"
        self.tokens.add(token)
        return Reply(201, {"token": token, "expires_at": time_of(datetime.now(UTC) + timedelta(hours=1))})

    # How it answers.

    def answer(self, request: Request) -> Reply:
        """The reply to a request, whatever it is."""
        with self._lock:
            operation = None
            try:
                if there := self._moved(request):
                    return there
                route, values = self._find(request)
                operation = route.operation
                self.mistakes += self.description.request_mistakes(operation, request.query, request.body)
                self._admit(request, route)
                reply = route.serve(request, **values)
            except Refusal as refusal:
                reply = Reply(
                    refusal.status, {"message": str(refusal), "documentation_url": "https://docs.github.com/rest"}
                )
                if refusal.status == 403 and operation:
                    reply.headers["x-accepted-github-permissions"] = route.needs.replace(": ", "=")
            if operation:
                self.mistakes += self.description.reply_mistakes(operation, reply.status, reply.body)
            return self._conditional(request, reply)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        for route in self._routes:
            if request.method == route.operation.method and (match := route.pattern.fullmatch(request.path)):
                values = {name: unquote(value) for name, value in match.groupdict().items()}
                if "owner" in values and f"{values.pop('owner')}/{values.pop('repo')}" != self.repository:
                    break
                return route, values
        raise Refusal(404, "Not Found")

    def _admit(self, request: Request, route: Route) -> None:
        if not route.needs:
            return
        if request.bearer not in self.tokens:
            raise Refusal(401, "Bad credentials")
        name, _, level = route.needs.partition(": ")
        if level not in {"read": ("read",), "write": ("read", "write")}.get(self.permissions.get(name, ""), ()):
            raise Refusal(403, "Resource not accessible by personal access token")

    def _moved(self, request: Request) -> Reply | None:
        for name in self.former_names:
            if request.path.startswith(f"/repos/{name}/"):
                there = self.url + request.path.replace(name, self.repository, 1)
                there += f"?{urlencode(request.query)}" if request.query else ""
                return Reply(
                    301 if request.method == "GET" else 307, {"message": "Moved", "url": there}, {"location": there}
                )
        return None

    def _paged(self, request: Request, items: list[Json]) -> Reply:
        number = int(request.query.get("page", 1))
        size = min(int(request.query.get("per_page", 30 if "per_page" in request.query else 100)), self.page)
        headers = {}
        if number * size < len(items):
            following = urlencode({**request.query, "page": number + 1})
            headers["link"] = f'<{self.url}{request.path}?{following}>; rel="next"'
        return Reply(200, items[(number - 1) * size : number * size], headers)

    def _conditional(self, request: Request, reply: Reply) -> Reply:
        """304 where nothing changed, which the rate limit does not count."""
        etag = f'W/"{hashlib.sha256(json.dumps(reply.body).encode()).hexdigest()}"'
        if request.method == "GET" and reply.status == 200:
            reply.headers["etag"] = etag
            if request.headers.get("if-none-match") == etag:
                reply = Reply(304, None, {"etag": etag})
        self.remaining -= reply.status != 304
        reply.headers = {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(int(datetime.now(UTC).timestamp()) + 3600),
        } | reply.headers
        return reply

    def fault_for(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.on in request.line:
                    fault.times -= 1
                    if fault.times == 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def _known(self, workflow: str) -> None:
        if workflow not in self.workflows:
            raise Refusal(404, "Not Found")

    def _route(self, method: str, template: str, needs: str, serve: Callable[..., Reply]) -> Route:
        operation = self.description.operation(method, template)
        return Route(operation, self.description.pattern(operation), needs, serve)
