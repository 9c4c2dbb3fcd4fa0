"""Which versions of the application there are on GitHub.

The workflow `create-release-tag.yml` makes a tag, `draft-release.yml` drafts a release of it, and publishing that
builds the image (`release.yml`): until then a release has none. Every build of the main branch makes a tag of its own
once its image is there. https://github.com/nationalarchives/ds-wagtail
"""

from typing import TYPE_CHECKING

from etna_pipelines.releases.calver import CalVer, newest

if TYPE_CHECKING:
    from etna_pipelines.github.client import GitHub


CANDIDATES = 5
"""The newest releases among which one that is built is looked for."""


def newest_release(github: "GitHub", build: str | None = None) -> CalVer | None:
    """The newest version that was published as a release: drafts, prereleases and other tags are passed over. With
    `build`, the workflow that builds a release once it is published, the newest that this was done for."""
    tags = {
        version: release.tag
        for release in github.releases()
        if not release.draft and not release.prerelease and (version := CalVer.parse(release.tag))
    }
    newest_first = sorted(tags, reverse=True)
    if build is None:
        return next(iter(newest_first), None)
    return next((each for each in newest_first[:CANDIDATES] if _is_built(github, build, tags[each])), None)


def _is_built(github: "GitHub", build: str, tag: str) -> bool:
    return bool(github.workflow_runs(build, event="release", branch=tag, status="success", newest=1))


def newest_build(github: "GitHub") -> CalVer | None:
    """The newest version that was built of the main branch: the newest tag that is not a release's still to come."""
    waiting = {release.tag for release in github.releases() if release.draft or release.prerelease}
    return newest(tag.name for tag in github.tags() if tag.name not in waiting)
