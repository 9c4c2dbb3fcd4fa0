"""Redeploying by a workflow of the application's repository on GitHub."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from etna_pipelines.errors import LostReply, RedeployFailed, RedeployUnfinished
from etna_pipelines.redeploy.placeholders import fill, fill_values
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.spec import WorkflowRedeploy
from etna_pipelines.redeploy.waiting import LOOKING, PATIENCE, REMEMBERED, wait_for

if TYPE_CHECKING:
    from etna_pipelines.github.answers import WorkflowRun
    from etna_pipelines.github.client import GitHub

CLOCKS = timedelta(seconds=30)
"""What GitHub's clock and ours may differ by."""


@dataclass(frozen=True)
class WorkflowRedeployer:
    """Dispatches the workflow and follows its run to the conclusion.

    GitHub tells the run's id in its reply. Where that is lost, the run is looked for: by the idempotency key in its
    title where an input has `{push}` (the workflow says `run-name: Deploy ${{ inputs.push }}`), and otherwise as any
    that was dispatched since. Raises GitHubError, too."""

    spec: WorkflowRedeploy
    open_github: "Callable[[], GitHub]"
    patience: float = PATIENCE
    every: float = 5.0

    def redeploy(self, deployment: Deployment) -> Redeployed:
        began = time.monotonic()
        with self.open_github() as github:
            id_ = int(deployment.reference) if deployment.reference else self._started(github, deployment)
            deployment.note(str(id_))
            self._follow(github, id_, deployment)
        return Redeployed(deployment.version, time.monotonic() - began)

    def _started(self, github: "GitHub", deployment: Deployment) -> int:
        """The id of the run that an earlier try dispatched, or that is dispatched now."""
        if deployment.asked and (found := self._find(github, deployment, deployment.asked)):
            return found
        workflow, ref = fill(self.spec.workflow, deployment), fill(self.spec.ref, deployment)
        inputs, now = fill_values(self.spec.inputs, deployment), datetime.now(UTC)
        id_ = None
        with suppress(LostReply):  # it may have arrived
            id_ = github.dispatch_workflow(workflow, ref, inputs)
        id_ = id_ or self._find(github, deployment, now)
        if id_ is None:
            raise RedeployUnfinished(
                f"{deployment.unfinished}: `{workflow}` of {github.repository} was dispatched and no run of it is seen "
                f"yet; run `etna redeploy {deployment.environment}`, which looks again before it dispatches."
            )
        return id_

    def _find(self, github: "GitHub", deployment: Deployment, asked: datetime) -> int | None:
        """The run that was dispatched for this deployment."""
        named = any("{push}" in text for text in self.spec.inputs.values())
        key = re.compile(rf"(?<![\w-]){re.escape(deployment.key)}(?![\w-])")
        since = datetime.now(UTC) - REMEMBERED if named else asked - CLOCKS

        def look() -> int | None:
            runs = github.workflow_runs(fill(self.spec.workflow, deployment), event="workflow_dispatch", since=since)
            ours = [run for run in runs if not named or key.search(run.title)]
            return min((run.id for run in ours), default=None)

        return wait_for(look, LOOKING, self.every)

    def _follow(self, github: "GitHub", id_: int, deployment: Deployment) -> None:
        def ended() -> "WorkflowRun | None":
            run = github.run(id_)
            return run if run.is_over else None

        run = wait_for(ended, self.patience, self.every)
        if run is None:
            raise deployment.not_ended(f"run {id_} of `{self.spec.workflow}`", self.patience)
        if not run.succeeded:
            raise RedeployFailed(
                f"{deployment.failed}: run {id_} of `{self.spec.workflow}` ended as {run.conclusion}; read {run.url}, "
                f"then run `etna redeploy {deployment.environment}`."
            )
