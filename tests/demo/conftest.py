"""The demo's production, seeded once for every test of it: small, and a second time to compare it with."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from etna_pipelines.demo.production import seed
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database

SCALE = 0.02

_QUESTIONS = """
import json
from django.test import Client
from wagtail.models import Page
from etna_pipelines.demo.site.models import ArticlePage, Contributor, FormPage, HomePage

def status(page):
    return Client().get(page.get_url_parts()[2], secure=True).status_code

article = ArticlePage.objects.live().order_by("pk").first()
draft = ArticlePage.objects.filter(live=False).order_by("pk").first()
revised = draft.revisions.order_by("-pk")[1].as_object()
print(json.dumps({
    "problems": [len(found) for found in Page.find_problems()],
    "pages": Page.objects.count(),
    "specific": sorted({type(page).__name__ for page in Page.objects.specific()}),
    "home": status(HomePage.objects.get()),
    "article": status(article),
    "form": status(FormPage.objects.order_by("pk").first()),
    "draft": status(draft),
    "urls": [page.get_url() is not None for page in ArticlePage.objects.all()],
    "quoted": [block.value["person"] for block in article.body if block.block_type == "quote"],
    "author": article.author_name,
    "draft_title": draft.title,
    "revised_quote": [block.value["person"] for block in revised.body if block.block_type == "quote"],
    "revised_author": revised.author_name,
    "latest_are_newest": all(
        page.latest_revision == page.revisions.order_by("-created_at").first()
        for page in Page.objects.filter(depth__gt=1)
    ),
    "found": [page.pk for page in ArticlePage.objects.search(article.title)],
    "article_id": article.pk,
    "full_name": Contributor.objects.order_by("pk").first().full_name,
}))
"""


@pytest.fixture(scope="session")
def seeded(server: EmbeddedServer) -> tuple[Database, Database]:
    """Two productions, seeded each by itself, at the same time."""
    both = server.database("demo_production"), server.database("demo_twin")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda database: seed(database, scale=SCALE), both))
    return both


@pytest.fixture(scope="session")
def production(seeded: tuple[Database, Database]) -> Database:
    return seeded[0]


@pytest.fixture(scope="session")
def answers(production: Database) -> dict[str, Any]:
    """What the site's own models say of the seeded database."""
    done = site(production, "shell", "--no-imports", "-c", _QUESTIONS)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def site(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the site's manage.py."""
    return run("etna_pipelines.demo.site", database, *arguments)


def run(module: str, database: Database, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ETNA_DATABASE_URL": database.url, "PGPASSWORD": database.password or ""} | variables
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
