"""What lies in the repository of tests/github_server.py, and what people and workflows do there."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.github_openapi import Description

Json = Any

REPOSITORY = "nationalarchives/ds-wagtail"


@dataclass
class Workflow:
    """A workflow that may be dispatched."""

    inputs: set[str] = field(default_factory=set)
    run_name: str = "A run"
    """`{input}` is filled in."""
    concludes: str = "success"
    does: "Callable[[Repository, dict[str, str]], None]" = lambda server, inputs: None
    shown_after: int = 0


class Repository:
    """A repository. What is answered of it are the examples of GitHub's description, with the facts of this one."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self.repository = REPOSITORY
        self.former_names: set[str] = set()
        """Names the repository had: they redirect."""
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.deployments: list[Json] = []
        self.statuses: dict[int, list[Json]] = {}
        self.releases: list[Json] = []
        self.workflows: dict[str, Workflow] = {}
        self.runs: list[Json] = []
        self.dispatches: list[tuple[str, dict[str, str]]] = []
        self.ids = itertools.count(1)
        self._started: dict[int, tuple[Workflow, dict[str, str]]] = {}
        self._hidden: dict[int, int] = {}

    def add_branch(self, name: str) -> str:
        """The SHA of its newest commit."""
        self.branches[name] = self.sha()
        return self.branches[name]

    def add_tag(self, name: str, sha: str | None = None) -> str:
        self.tags[name] = sha or self.sha()
        return self.tags[name]

    def add_release(
        self, tag: str, *, draft: bool = False, prerelease: bool = False, published: datetime | None = None
    ) -> Json:
        release = self.description.example("release")
        release |= {
            "id": next(self.ids),
            "tag_name": tag,
            "name": tag,
            "draft": draft,
            "prerelease": prerelease,
            "created_at": time_of(published),
            "published_at": None if draft else time_of(published),
        }
        if not draft:
            self.tags.setdefault(tag, self.sha())
        self.releases.insert(0, release)
        return release

    def publish(self, release: Json) -> None:
        release |= {"draft": False, "published_at": time_of()}
        self.tags.setdefault(release["tag_name"], self.sha())

    def deploy(self, environment: str, ref: str, state: str | None = "success") -> int:
        """The id of a new deployment; without a state nothing was said of it yet."""
        deployment = self.description.example("deployment-items")[0]
        deployment |= {
            "id": next(self.ids),
            "environment": environment,
            "ref": ref,
            "sha": self.branches.get(ref) or self.sha(),
        }
        deployment |= {"created_at": time_of(), "updated_at": time_of()}
        self.deployments.insert(0, deployment)
        self.statuses[deployment["id"]] = []
        if state:
            self.set_state(deployment["id"], state)
        return int(deployment["id"])

    def set_state(self, deployment: int, state: str) -> None:
        status = self.description.example("deployment-status-items")[0]
        self.statuses[deployment].insert(0, status | {"id": next(self.ids), "state": state, "created_at": time_of()})

    def add_run(self, workflow: str, title: str = "A run", **changes: Json) -> Json:
        """A run that nobody dispatched, as of a push: `status="completed", conclusion="success"`."""
        run = self.description.example("workflow-run")
        run |= {
            "id": next(self.ids),
            "name": workflow,
            "path": f".github/workflows/{workflow}",
            "display_title": title,
            "event": "push",
            "status": "queued",
            "conclusion": None,
            "head_branch": "main",
            "head_sha": self.sha(),
            "created_at": time_of(),
        }
        run |= {"html_url": f"https://github.com/{self.repository}/actions/runs/{run['id']}", **changes}
        self.runs.insert(0, run)
        return run

    def start(self, name: str, ref: str, inputs: dict[str, str]) -> Json:
        """The run of a workflow that was dispatched."""
        workflow = self.workflows[name]
        self.dispatches.append((name, inputs))
        title = workflow.run_name.format(**{name: inputs.get(name, "") for name in workflow.inputs})
        run = self.add_run(name, title, event="workflow_dispatch", head_branch=ref)
        self._started[run["id"]] = (workflow, inputs)
        self._hidden[run["id"]] = workflow.shown_after
        return run

    def go_on(self, run: Json) -> None:
        """A run takes its next step."""
        if run["status"] == "queued":
            run["status"] = "in_progress"
        elif run["status"] == "in_progress":
            workflow, inputs = self._started.get(run["id"], (Workflow(), {}))
            run |= {"status": "completed", "conclusion": workflow.concludes}
            if workflow.concludes == "success":
                workflow.does(self, inputs)

    def shows(self, run: Json) -> bool:
        """Whether this listing shows a run already."""
        left = self._hidden.get(run["id"], 0)
        self._hidden[run["id"]] = left - 1
        return left <= 0

    def sha(self) -> str:
        """Another commit's."""
        return hashlib.sha1(str(next(self.ids)).encode(), usedforsecurity=False).hexdigest()


def time_of(moment: datetime | None = None) -> str:
    """A moment as GitHub writes it, now where there is none."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
