"""Which versions of the application there are on GitHub.

The workflow `create-release-tag.yml` makes a tag, `draft-release.yml` drafts a release of it, and publishing that
builds the image (`release.yml`): until then a release has none. Every build of the main branch makes a tag of its own
once its image is there. https://github.com/nationalarchives/ds-wagtail
"""

from typing import TYPE_CHECKING

from etna_pipelines.releases.calver import CalVer, newest

if TYPE_CHECKING:
    from etna_pipelines.github.client import GitHub


BUILDS = 100
"""The newest builds among which those of releases are looked for."""


def newest_release(github: "GitHub", build: str | None = None) -> CalVer | None:
    """The newest version that was published as a release: drafts, prereleases and other tags are passed over. With
    `build`, the workflow that builds a release once it is published, the newest that this was done for."""
    tags = [release.tag for release in github.releases() if not release.draft and not release.prerelease]
    return newest(tags if build is None else _built(github, build).intersection(tags))


def _built(github: "GitHub", build: str) -> set[str]:
    """The tags for which a workflow has succeeded: a release's run is of its tag."""
    runs = github.workflow_runs(build, event="release", newest=BUILDS)
    return {run.branch for run in runs if run.succeeded and run.branch}


def newest_build(github: "GitHub") -> CalVer | None:
    """The newest version that was built of the main branch: the newest tag that is not a release's still to come."""
    waiting = {release.tag for release in github.releases() if release.draft or release.prerelease}
    return newest(tag.name for tag in github.tags() if tag.name not in waiting)
