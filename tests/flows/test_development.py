"""What development serves after a night: the site as it was, and nobody's data."""

import json
from typing import Any

import pytest
from ahocorasick_rs import AhoCorasick
from psycopg import sql

from etna_pipelines.demo.people import PUBLISHED_SENTENCE, private_values, published_values
from etna_pipelines.postgres.server import Database
from tests.demo.conftest import site
from tests.flows.checkout import Checkout
from tests.flows.conftest import SCALE

_VISIT = """
import json
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import Client
from wagtail.models import Site
from etna_pipelines.demo.people import ADMIN_PASSWORD
from etna_pipelines.demo.site.models import ArticlePage

def visit(address):
    answer = Client().get(address, secure=True)
    return [answer.status_code, answer.content.decode()]

article = ArticlePage.objects.live().order_by("pk").first()
admin = User.objects.get(is_superuser=True)
print(json.dumps({
    "host": Site.objects.get().hostname,
    "home": visit("/"),
    "article": visit(article.get_url_parts()[2]),
    "admin": admin.username,
    "logs in": authenticate(username=admin.username, password=ADMIN_PASSWORD) == admin,
    "users": User.objects.count(),
}))
"""


@pytest.fixture(scope="module")
def visits(seeded_checkout: Checkout, nights: object) -> dict[str, dict[str, Any]]:
    """What visitors of development and of production meet, through the site's own models."""
    return {name: _visit(seeded_checkout.database(name)) for name in ("development", "production")}


def test_a_page_loads(visits: dict[str, dict[str, Any]]) -> None:
    for page in ("home", "article"):
        status, content = visits["development"][page]
        assert status == 200
        assert len(content) > 100
    assert PUBLISHED_SENTENCE in visits["development"]["article"][1]
    assert visits["development"]["users"] == visits["production"]["users"]


def test_hosts_are_those_of_development(visits: dict[str, dict[str, Any]]) -> None:
    assert (visits["production"]["host"], visits["development"]["host"]) == (
        "www.example.org",
        "development.example.org",
    )


def test_nobody_logs_in_with_the_production_password(visits: dict[str, dict[str, Any]]) -> None:
    assert visits["production"]["logs in"] is True
    assert visits["development"]["logs in"] is False
    assert visits["development"]["admin"] != visits["production"]["admin"]


def test_no_planted_value_is_in_it(demo_checkout: Checkout) -> None:
    planted = set(private_values(SCALE))
    in_production = _found(planted, demo_checkout.database("production"))

    assert len(in_production) > 0.8 * len(planted)
    assert _found(planted, demo_checkout.database("development")) == set()


def test_what_is_published_is_in_it(demo_checkout: Checkout) -> None:
    published = set(published_values())

    assert _found(published, demo_checkout.database("development")) == published


def _visit(database: Database) -> dict[str, Any]:
    done = site(database, "shell", "--no-imports", "-c", _VISIT)
    assert done.returncode == 0, done.stderr
    met: dict[str, Any] = json.loads(done.stdout)
    return met


def _found(values: set[str], database: Database) -> set[str]:
    """Which of the values stand in any column of any table: as text, as JSON writes it, or as bytes in hex."""
    forms = [(form, value) for value in values for form in _forms(value)]
    matches = AhoCorasick([form for form, _ in forms]).find_matches_as_indexes(_everything(database), overlapping=True)
    return {forms[which][1] for which, _, _ in matches}


def _forms(value: str) -> list[str]:
    folded = value.casefold()
    return [folded, json.dumps(folded)[1:-1], value.encode().hex()]


def _everything(database: Database) -> str:
    held = []
    with database.connect() as connection:
        tables = connection.execute("SELECT schemaname, relname FROM pg_stat_user_tables").fetchall()
        for schema, table in tables:
            rows = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema, table))
            with connection.cursor().copy(rows) as copy:
                held += [bytes(chunk).decode() for chunk in copy]
    return "".join(held).replace("\\\\", "\\").casefold()
