"""The demo's redeploy: `python -m etna_pipelines.demo.redeploy`, what a `command` redeployer runs.

It does in small what a real one does: sees that the database fits the application, loads pages from it, and notes
which release now serves. It reads ETNA_ENVIRONMENT, ETNA_PUSH_ID, ETNA_VERSION (optional: what must be deployed),
ETNA_DATABASE_URL (without its password: libpq's PGPASSWORD) and ETNA_HOME (default `.etna`), prints the version that
it deployed as its last line, and exits with 0 only if all of it went well.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from etna_pipelines.errors import RedeployFailed


def main() -> None:
    try:
        version = redeploy(
            environment=_given("ETNA_ENVIRONMENT"),
            push=_given("ETNA_PUSH_ID"),
            wanted=os.environ.get("ETNA_VERSION"),
            home=Path(os.environ.get("ETNA_HOME", ".etna")),
        )
    except RedeployFailed as error:
        sys.exit(str(error))
    print(version)


def redeploy(environment: str, push: str, wanted: str | None, home: Path) -> str:
    """Deploy the installed application onto ETNA_DATABASE_URL's database. A push that was deployed is not repeated."""
    release = home / "demo" / environment / "release.json"
    version = installed_version()
    if wanted and wanted != version:
        raise RedeployFailed(
            f"{environment} was to run {wanted} and {version} is what is installed: install the other, or ask for this."
        )
    if release.exists() and json.loads(release.read_text())["push"] == push:
        return version
    _start(environment)
    _load_pages(environment)
    _write(release, {"version": version, "push": push, "deployed_at": datetime.now(UTC).isoformat()})
    return version


def installed_version() -> str:
    """The application's version is Wagtail's: `wagtail-8.0.1`."""
    from importlib.metadata import version

    return f"wagtail-{version('wagtail')}"


def _given(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise RedeployFailed(f"The demo's redeploy needs {name} in its environment: run it as a command redeployer.")
    return value


def _start(environment: str) -> None:
    """Start the application; refuse a database that it has migrations for, as a real release would."""
    _given("ETNA_DATABASE_URL")
    os.environ["DJANGO_SETTINGS_MODULE"] = "etna_pipelines.demo.site.settings"
    import django
    from django.core.management import call_command
    from django.db import DatabaseError

    django.setup()
    try:
        call_command("migrate", check_unapplied=True, verbosity=0, skip_checks=True)
    except SystemExit:
        raise RedeployFailed(
            f"{environment}'s database lacks migrations of the application: migrate it before it is swapped in."
        ) from None
    except DatabaseError as error:
        raise RedeployFailed(
            f"{environment}'s application can't use its database ({type(error).__name__}): "
            "check ETNA_DATABASE_URL and PGPASSWORD."
        ) from None


def _load_pages(environment: str) -> None:
    """The home page, and an article where there is one: found by the application's own models, read as visitors do."""
    from django.test import Client

    from etna_pipelines.demo.site.models import ArticlePage

    article = ArticlePage.objects.live().order_by("pk").first()
    addresses = ["/", *([article.get_url_parts()[2]] if article else [])]
    client = Client(raise_request_exception=False)
    for address in addresses:
        status = client.get(address, secure=True).status_code
        if status != 200:
            raise RedeployFailed(
                f"{environment}'s application answers {address} with {status}: look into its database, then redeploy."
            )


def _write(release: Path, content: dict[str, str]) -> None:
    release.parent.mkdir(parents=True, exist_ok=True)
    half = release.with_suffix(".part")
    half.write_text(json.dumps(content, indent=1))
    half.replace(release)


if __name__ == "__main__":
    main()
