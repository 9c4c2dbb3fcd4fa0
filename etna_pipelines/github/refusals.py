"""What GitHub refuses, as errors of one sentence: what was asked, why not, what to look at."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etna_pipelines.errors import GitHubError, GitHubRefused

if TYPE_CHECKING:
    from etna_pipelines.github.transport import Reply


class Misasked(GitHubRefused):
    """GitHub does not take a request as it is."""


@dataclass(frozen=True)
class Purpose:
    """What a request is for."""

    doing: str
    """`reading the branches of owner/name`."""
    needs: str | None
    """The permission on the repository: `contents: read`; None for what is asked as a GitHub App itself."""


def refusal(reply: "Reply", purpose: Purpose, variable: str) -> GitHubError:
    """The error for a reply that is neither an answer nor worth another try."""
    doing, status = purpose.doing, reply.status
    if status == 401:
        return GitHubRefused(
            f"GitHub does not accept {variable} for {doing}: it is wrong, revoked, expired or another App's, or this "
            "machine's clock is wrong."
        )
    if status == 403 and "x-github-sso" in reply.headers:
        return GitHubRefused(
            f"GitHub allows {doing} only after single sign-on: authorise {variable} for the organisation on GitHub."
        )
    if status in (403, 404) and purpose.needs is None:
        return GitHubRefused(
            f"GitHub refused {doing} ({_told(reply)}): check `github.app` in environments.yaml, and that the App is "
            "installed for the repository."
        )
    if status == 403:
        return GitHubRefused(
            f"GitHub does not allow {doing} ({_told(reply)}): {variable} needs `{_needed(reply, purpose)}` there."
        )
    if status in (404, 410):
        return GitHubRefused(
            f"GitHub found nothing for {doing}: check the name, and that {variable} sees the repository and has "
            f"`{_needed(reply, purpose)}` there."
        )
    if status in (400, 422):
        return Misasked(f"GitHub refused {doing} as it was asked: {_told(reply)}.")
    return GitHubRefused(f"GitHub answered {status} to {doing}: check `github` in environments.yaml.")


def _needed(reply: "Reply", purpose: Purpose) -> str | None:
    """GitHub tells fine-grained tokens what it would have accepted: `contents=read`, or several sets of such."""
    accepted = reply.headers.get("x-accepted-github-permissions", "")
    return accepted.partition(";")[0].replace("=", ": ").replace(",", ", ") or purpose.needs


def _told(reply: "Reply") -> str:
    """Why: it names refs and inputs, never what the request was signed with."""
    try:
        message = json.loads(reply.body)["message"]
    except (ValueError, KeyError, TypeError):
        return "it did not say why"
    return " ".join(str(message).split())[:200].rstrip(".")
