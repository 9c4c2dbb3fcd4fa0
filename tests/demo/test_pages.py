"""Tests of etna_pipelines/demo/pages.py: Wagtail's own models judge the tree."""

from typing import Any

from etna_pipelines.demo.people import PUBLISHED_AUTHORS, people, private_values, published_values
from etna_pipelines.postgres.server import Database
from tests.demo.conftest import SCALE


def test_the_tree_has_no_problems(answers: dict[str, Any]) -> None:
    assert answers["problems"] == [0, 0, 0, 0, 0]


def test_every_kind_of_page_loads(answers: dict[str, Any]) -> None:
    assert answers["pages"] == 60
    assert answers["specific"] == ["ArticlePage", "FormPage", "HomePage", "Page", "SectionPage"]
    assert all(answers["urls"])


def test_visitors_see_what_is_live_and_no_drafts(answers: dict[str, Any]) -> None:
    assert [answers[page] for page in ("home", "article", "form", "draft")] == [200, 200, 200, 404]


def test_live_articles_are_of_the_published_and_drafts_of_private_people(answers: dict[str, Any]) -> None:
    assert answers["author"] in PUBLISHED_AUTHORS
    assert answers["quoted"] == [answers["author"]]
    assert answers["draft_title"].removeprefix("Interview with ") in {person.name for person in people(SCALE)}


def test_revisions_load_as_the_pages_that_they_were(answers: dict[str, Any]) -> None:
    name = answers["draft_title"].removeprefix("Interview with ")
    assert answers["revised_author"] == name
    assert answers["revised_quote"] == [name]
    assert answers["latest_are_newest"]


def test_the_search_index_finds_articles(answers: dict[str, Any]) -> None:
    assert answers["article_id"] in answers["found"]


def test_live_pages_hold_nothing_private_and_everything_published(production: Database) -> None:
    with production.connect() as connection:
        rows = connection.execute(
            "SELECT page.title, page.slug, page.seo_title, page.search_description, article.*, section.*, home.* "
            "FROM wagtailcore_page page LEFT JOIN journal_articlepage article ON article.page_ptr_id = page.id "
            "LEFT JOIN journal_sectionpage section ON section.page_ptr_id = page.id "
            "LEFT JOIN journal_homepage home ON home.page_ptr_id = page.id WHERE page.live"
        ).fetchall()
    live = str(rows)
    assert [value for value in published_values() if value not in live] == []
    assert [value for value in private_values(SCALE) if value.casefold() in live.casefold()] == []


def test_streamfields_are_json_strings_inside_the_json_of_revisions(production: Database) -> None:
    with production.connect() as connection:
        kinds = connection.execute(
            "SELECT DISTINCT jsonb_typeof(content -> 'body'), jsonb_typeof((content ->> 'body')::jsonb) "
            "FROM wagtailcore_revision WHERE content ? 'body'"
        ).fetchall()
    assert kinds == [("string", "array")]


def test_revisions_copy_comments_and_replies_as_wagtail_does(production: Database) -> None:
    with production.connect() as connection:
        comments = connection.execute(
            "SELECT DISTINCT jsonb_array_length(content -> 'wagtail_admin_comments'), "
            "content #>> '{wagtail_admin_comments,0,replies,0,text}' LIKE '%@%' FROM wagtailcore_revision "
            "WHERE id % 4 = 0 AND content #>> '{wagtail_admin_comments,0,text}' LIKE '%@%'"
        ).fetchall()
    assert (1, True) in comments


def test_a_handful_of_bodies_is_a_megabyte_long(production: Database) -> None:
    with production.connect() as connection:
        sizes = connection.execute("SELECT count(*) FROM journal_articlepage WHERE length(body::text) > 1000000")
        assert sizes.fetchone() == (1,)
