"""The application's repository on GitHub: its branches, deployments, workflows, releases and tags.

Import this module only where GitHub is asked: httpx takes its time to load.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter, ValidationError

from etna_pipelines.errors import GitHubRefused
from etna_pipelines.github.answers import (
    Branch,
    Deployment,
    DeploymentState,
    Dispatched,
    InstallationToken,
    Release,
    RunsPage,
    State,
    Status,
    Tag,
    WorkflowRun,
)
from etna_pipelines.github.credentials import AppKey, Installation, Token
from etna_pipelines.github.limits import PATIENT, Patience
from etna_pipelines.github.memory import Memory
from etna_pipelines.github.refusals import Misasked, Purpose
from etna_pipelines.github.spec import GitHubApp, GitHubSpec
from etna_pipelines.github.transport import Transport

PAGE = 100
"""The most that GitHub puts on a page."""

MOST_RUNS = 1000
"""The most runs that GitHub lists for a search."""

_branches = TypeAdapter(list[Branch]).validate_json
_deployments = TypeAdapter(list[Deployment]).validate_json
_statuses = TypeAdapter(list[Status]).validate_json
_releases = TypeAdapter(list[Release]).validate_json
_tags = TypeAdapter(list[Tag]).validate_json


class GitHub:
    """A repository, asked through the REST API.

    Listings are whole or fail. Everything raises GitHubRefused for what GitHub would refuse again (permissions, names
    that are not there) and GitHubError for the rest; rate limits are waited for within `Patience`."""

    def __init__(self, repository: str, transport: Transport) -> None:
        self.repository = repository
        self._transport = transport

    @classmethod
    def open(cls, spec: GitHubSpec, secret: str, memory: Path | None = None, patience: Patience = PATIENT) -> Self:
        """`secret` is a token, or the App's private key where `spec` has an App; `memory` a directory for pages with
        ETags. Connects to nothing. Raises SettingsError for a private key that is none."""
        credentials = AppKey(spec.app, secret) if spec.app else Token(secret)
        transport = Transport(spec.api_url, credentials, patience, Memory(memory) if memory else None)
        if spec.app:
            transport = transport.asked_by(_installation(spec.app, transport))
        return cls(spec.repository, transport)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def branches(self, prefix: str = "") -> list[Branch]:
        """The branches whose names begin with `prefix`, all of them. Needs `contents: read`."""
        # In one answer: pages by number would shift while branches come and go.
        path, purpose = self._path(f"git/matching-refs/heads/{prefix}"), self._reading("the branches", "contents: read")
        return [branch for page in self._transport.pages(path, purpose, _branches) for branch in page]

    def deployments(self, pattern: str = "*") -> list[DeploymentState]:
        """The newest deployment to each of GitHub's environments whose name matches (`feature/*`), with its newest
        status. Needs `deployments: read`."""
        purpose = self._reading("the deployments", "deployments: read")
        listed = self._transport.listing(self._path("deployments"), purpose, _deployments, per_page=PAGE)
        newest = {each.environment: each for each in sorted(listed, key=lambda each: each.id)}
        matching = [newest[environment] for environment in newest if fnmatchcase(environment, pattern)]
        return [DeploymentState(deployment=deployment, state=self._state(deployment)) for deployment in matching]

    def dispatch_workflow(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        """Start a workflow (`deploy.yml`) of a branch or tag; its run's id, or None where the server tells none (an
        older GitHub Enterprise). Needs `actions: write`.

        Sent once. Raises LostReply where it is unknown whether it arrived: look for the run before asking again."""
        purpose = Purpose(f"dispatching `{workflow}` of {self.repository}", "actions: write")
        path, body = self._path(f"actions/workflows/{workflow}/dispatches"), {"ref": ref, "inputs": dict(inputs)}
        try:
            return self._transport.post(path, purpose, _dispatched, {**body, "return_run_details": True})
        except Misasked:
            # GitHub Enterprise Server 3.20 and older won't be asked for the run; what else is wrong is refused again.
            return self._transport.post(path, purpose, _dispatched, body)

    def workflow_runs(
        self,
        workflow: str,
        *,
        event: str | None = None,
        branch: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        newest: int | None = None,
    ) -> list[WorkflowRun]:
        """Runs of a workflow, newest first: all of them, or the `newest` so many. `event` is `workflow_dispatch`,
        `push` ...; `status` a status or a conclusion. Needs `actions: read`.

        Raises GitHubRefused where there are more than GitHub lists: narrow it by `since`, or ask for the newest."""
        purpose = self._reading(f"the runs of `{workflow}`", "actions: read")
        pages = self._transport.pages(
            self._path(f"actions/workflows/{workflow}/runs"),
            purpose,
            RunsPage.model_validate_json,
            event=event,
            branch=branch,
            status=status,
            created=f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if since else None,
            per_page=min(newest or PAGE, PAGE),
        )
        runs: list[WorkflowRun] = []
        for page in pages:
            runs += page.runs
            if newest is not None and len(runs) >= newest:
                return runs[:newest]
            if newest is None and page.total > MOST_RUNS:
                raise GitHubRefused(
                    f"GitHub lists {MOST_RUNS} of the {page.total} runs of `{workflow}` of {self.repository}: ask for "
                    "those since a later moment."
                )
        return runs

    def run(self, id: int) -> WorkflowRun:
        """A run as it stands now. Needs `actions: read`."""
        purpose = self._reading(f"run {id}", "actions: read")
        return self._transport.get(self._path(f"actions/runs/{id}"), purpose, WorkflowRun.model_validate_json)

    def releases(self) -> list[Release]:
        """All releases, newest first; drafts too where the token may write. Needs `contents: read`."""
        purpose = self._reading("the releases", "contents: read")
        return self._transport.listing(self._path("releases"), purpose, _releases, per_page=PAGE)

    def tags(self) -> list[Tag]:
        """All tags, in no particular order. Needs `contents: read`."""
        purpose = self._reading("the tags", "contents: read")
        return self._transport.listing(self._path("tags"), purpose, _tags, per_page=PAGE)

    def _state(self, deployment: Deployment) -> State | None:
        purpose = self._reading(f"what became of deployment {deployment.id}", "deployments: read")
        path = self._path(f"deployments/{deployment.id}/statuses")
        # An environment that comes back does so by another deployment: what is inactive is asked for once.
        pages = self._transport.pages(
            path, purpose, _statuses, is_final=lambda page: _newest(page) == "inactive", per_page=PAGE
        )
        return _newest([status for page in pages for status in page])

    def _reading(self, what: str, needs: str) -> Purpose:
        return Purpose(f"reading {what} of {self.repository}", needs)

    def _path(self, rest: str) -> str:
        return f"repos/{self.repository}/{rest}"


def _newest(statuses: Sequence[Status]) -> State | None:
    return max(statuses, key=lambda status: status.id).state if statuses else None


def _installation(app: GitHubApp, transport: Transport) -> Installation:
    """The installation of an App, whose token `transport` asks for as the App itself."""
    purpose = Purpose(f"asking for a token of the App's installation {app.installation}", None)
    path = f"app/installations/{app.installation}/access_tokens"
    # A token more than is used does no harm.
    return Installation(lambda: transport.post(path, purpose, InstallationToken.model_validate_json, harmless=True))


def _dispatched(answer: bytes) -> int | None:
    """The run; None for an answer without one, because it was dispatched all the same."""
    try:
        return Dispatched.model_validate_json(answer).run
    except ValidationError:
        return None
