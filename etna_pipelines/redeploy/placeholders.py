"""`{version}` and its like, in what environments.yaml says of a redeploy and of the commands before it."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from etna_pipelines.errors import RedeployRefused

if TYPE_CHECKING:
    from etna_pipelines.redeploy.redeployer import Deployment

_PLACEHOLDER = re.compile(r"\{(version|branch|image_tag|environment|name|push)\}")
_HARMLESS = re.compile(r"[A-Za-z0-9._/+@-]+")
"""Names of versions and branches go into workflows and shells: one with a quote or a `$` in it would be run there."""

_MISSING = {
    "version": "no version is known: give `github` in environments.yaml, with releases, or a `version` that it has, or "
    "name one by `--version`",
    "branch": "only feature environments have a branch",
    "image_tag": "neither a version nor a branch is known",
}


class Unfillable(ValueError):
    """A placeholder that nothing fit can be filled in for: its name, and what that is."""

    def __init__(self, name: str, *, known: bool) -> None:
        super().__init__(name)
        self.name, self.known = name, known


def filled(text: str, values: Mapping[str, str | None], quote: Callable[[str], str] = str) -> str:
    """The text with those of its placeholders filled in that `values` names; other braces stay. Raises Unfillable."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            return found[0]
        if not (put := values[name]):
            raise Unfillable(name, known=False)
        if not _HARMLESS.fullmatch(put):
            raise Unfillable(name, known=True)
        return quote(put)

    return _PLACEHOLDER.sub(value, text)


def fill(text: str, deployment: "Deployment", quote: Callable[[str], str] = str) -> str:
    """The text with its placeholders filled in; other braces stay. `quote` is for texts that a shell reads.

    - `{version}`: the version of the application; `{branch}`: the feature environment's branch; `{image_tag}`: what
      the images of that branch are tagged with, and the version elsewhere
    - `{environment}`: `staging`, `test/login-page`; `{name}`: the part after the slash, `login-page`
    - `{push}`: the idempotency key

    Raises RedeployRefused for a placeholder that there is nothing for."""
    try:
        return filled(text, _values(deployment), quote)
    except Unfillable as problem:
        if problem.known:
            raise RedeployRefused(f"{deployment.failed}: {harmful(problem)}") from None
        raise RedeployRefused(
            f"{deployment.failed}: `{{{problem.name}}}` is to be filled in, and {_MISSING[problem.name]}; then run "
            f"`etna redeploy {deployment.environment}`."
        ) from None


def harmful(problem: Unfillable) -> str:
    """What is wrong with a name that a shell might run."""
    return (
        f"what `{{{problem.name}}}` stands for has characters that no tag of an image may have; rename the branch, or "
        "take the placeholder out of environments.yaml."
    )


def fill_values(texts: Mapping[str, str], deployment: "Deployment") -> dict[str, str]:
    """A mapping with the placeholders of its values filled in."""
    return {name: fill(text, deployment) for name, text in texts.items()}


def _values(deployment: "Deployment") -> Mapping[str, str | None]:
    feature = deployment.feature
    return {
        "version": deployment.version,
        "branch": feature.branch if feature else None,
        "image_tag": feature.image_tag if feature else deployment.version,
        "environment": deployment.environment,
        "name": feature.name if feature else deployment.environment,
        "push": deployment.key,
    }
