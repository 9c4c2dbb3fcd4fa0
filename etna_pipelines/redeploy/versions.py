"""Which version of the application an environment is redeployed with."""

from typing import TYPE_CHECKING

from etna_pipelines.releases.calver import CalVer
from etna_pipelines.releases.published import newest_build, newest_release

if TYPE_CHECKING:
    from etna_pipelines.github.client import GitHub
    from etna_pipelines.settings import Environment


def version_for(environment: "Environment", github: "GitHub | None", build: str | None = None) -> str | None:
    """The tag of the image that `version` in environments.yaml asks for; None for whichever is there: where it asks for
    none, where there is no GitHub to ask, and where GitHub has no such version yet.

    - `next release`: the newest published release, which staging has before production does; a draft has no image yet.
      With `build`, the workflow that builds published releases, the newest that it has built
    - `main`: the newest build of the main branch
    - `branch`: what images of the feature environment's branch are tagged with

    Raises GitHubError."""
    match environment.version:
        case "branch":
            return environment.feature.image_tag if environment.feature else None
        case "next release" if github:
            return _text(newest_release(github, build))
        case "main" if github:
            return _text(newest_build(github))
    return None


def _text(version: CalVer | None) -> str | None:
    return str(version) if version else None
