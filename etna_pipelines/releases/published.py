"""Which versions of the application there are on GitHub.

The workflow `create-release-tag.yml` makes a tag, `draft-release.yml` drafts a release of it, and publishing that
builds the image: until then a release has none. Every build of the main branch makes a tag of its own once its image is
there. https://github.com/nationalarchives/ds-wagtail
"""

from typing import TYPE_CHECKING

from etna_pipelines.releases.calver import CalVer, newest

if TYPE_CHECKING:
    from etna_pipelines.github.client import GitHub


def newest_release(github: "GitHub") -> CalVer | None:
    """The newest version that was published as a release: drafts, prereleases and other tags are passed over."""
    return newest(release.tag for release in github.releases() if not release.draft and not release.prerelease)


def newest_build(github: "GitHub") -> CalVer | None:
    """The newest version that was built of the main branch: the newest tag that is not a release's still to come."""
    waiting = {release.tag for release in github.releases() if release.draft or release.prerelease}
    return newest(tag.name for tag in github.tags() if tag.name not in waiting)
