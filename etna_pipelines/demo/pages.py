"""The pages: a tree that Wagtail's own models load, with the revisions that editors left behind.

Live articles name the published and nobody else. Articles that were never published, and old revisions of all of
them, are about private people: in titles, slugs, StreamFields and comments.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import cast

from psycopg.types.json import Jsonb

from etna_pipelines.demo.people import PRESS_OFFICE, PUBLISHED_AUTHORS, Person, ascii_slug
from etna_pipelines.demo.prose import AWKWARD, letter, note, public_prose, sentence, title
from etna_pipelines.demo.world import Row, Table, World, make_uuid, moment

PAGES = 2_020
REVISIONS_EACH = 5
SECTIONS = 20
FORMS = 3
_HUGE_EVERY = 400
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class PageFacts:
    """A page before it is rows: `draft` ones were never published, and are about `person`."""

    id: int
    model: str
    path: str
    children: int
    title: str
    slug: str
    url_path: str
    person: Person
    draft: bool
    edited: bool
    """Live, with a newer draft on top."""

    @property
    def depth(self) -> int:
        return len(self.path) // 4

    @property
    def revisions(self) -> range:
        """Ids of its revisions, oldest first. The root (page 1) has none."""
        first = (self.id - 2) * REVISIONS_EACH + 1
        return range(first, first + REVISIONS_EACH)

    @property
    def live_revision(self) -> int | None:
        return None if self.draft else self.revisions[-2 if self.edited else -1]

    def revised(self, revision: int) -> datetime:
        return moment(self.id * 11 + 3_000 * (self.revisions[-1] - revision))

    @cached_property
    def translation_key(self) -> str:
        return str(make_uuid(random.Random(f"page {self.id}")))


def site_map(world: World) -> list[PageFacts]:
    """Home, its sections and forms, and articles below the sections."""
    articles = max(60, round(PAGES * world.scale)) - 2 - SECTIONS - FORMS
    home = "00010001"
    everybody = world.users

    def page(id_: int, model: str, path: str, children: int, title_: str, slug: str, parent: str) -> PageFacts:
        person = everybody[id_ % len(everybody)]
        draft = model == "articlepage" and id_ % 10 == 7
        if draft:
            title_ = f"Interview with {person.name}"
            slug = f"interview-with-{ascii_slug(person.name)}-{id_}"
        edited = model == "articlepage" and id_ % 10 == 4
        return PageFacts(id_, model, path, children, title_, slug, f"{parent}{slug}/", person, draft, edited)

    pages = [page(2, "homepage", home, SECTIONS + FORMS, "The Journal", "home", "/")]
    for number in range(SECTIONS):
        children = len(range(number, articles, SECTIONS))
        name = f"Section {number + 1}"
        pages.append(
            page(3 + number, "sectionpage", home + _step(number + 1), children, name, ascii_slug(name), "/home/")
        )
    for number in range(FORMS):
        name = ("Ask us", "Order copies", "Complain")[number]
        path = home + _step(SECTIONS + number + 1)
        pages.append(page(3 + SECTIONS + number, "formpage", path, 0, name, ascii_slug(name), "/home/"))
    for number in range(articles):
        id_ = 3 + SECTIONS + FORMS + number
        parent = pages[1 + number % SECTIONS]
        name = title(random.Random(f"title {id_}"), id_)
        path = parent.path + _step(number // SECTIONS + 1)
        pages.append(page(id_, "articlepage", path, 0, name, ascii_slug(name), parent.url_path))
    return pages


def tables(world: World, pages: list[PageFacts]) -> Iterator[Table]:
    articles = [page for page in pages if page.model == "articlepage"]
    yield "wagtailcore_page", _pages(world, pages)
    yield "wagtailcore_site", [_site()]
    yield "django_site", [{"id": 1, "domain": "www.example.org", "name": "The Journal"}]
    yield "journal_homepage", [{"page_ptr_id": 2, "introduction": _paragraph(public_prose(random.Random("home")))}]
    yield (
        "journal_sectionpage",
        (
            {"page_ptr_id": page.id, "summary": public_prose(random.Random(page.id))}
            for page in pages
            if page.model == "sectionpage"
        ),
    )
    yield "journal_articlepage", (_article(page) for page in articles)
    yield "wagtailcore_revision", _revisions(world, pages)


def _step(number: int) -> str:
    """A step of treebeard's path: `0001` ... `000Z`, `0010`."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(4, "0")


def _site() -> Row:
    return {
        "id": 1,
        "hostname": "www.example.org",
        "port": 443,
        "is_default_site": True,
        "root_page_id": 2,
        "site_name": "The Journal",
    }


def _pages(world: World, pages: list[PageFacts]) -> Iterator[Row]:
    root = PageFacts(1, "page", "0001", 1, "Root", "root", "/", world.users[0], draft=False, edited=False)
    yield {**_page(world, root), "owner_id": None, "latest_revision_id": None, "live_revision_id": None}
    for page in pages:
        yield _page(world, page)


def _page(world: World, page: PageFacts) -> Row:
    app = "wagtailcore" if page.model == "page" else "journal"
    published = None if page.draft else page.revised(page.revisions[0])
    return {
        "id": page.id,
        "path": page.path,
        "depth": page.depth,
        "numchild": page.children,
        "title": page.title,
        "draft_title": f"{page.title} ({page.person.name} to check)" if page.edited else page.title,
        "slug": page.slug,
        "url_path": page.url_path,
        "live": not page.draft,
        "has_unpublished_changes": page.draft or page.edited,
        "seo_title": "" if page.id % 3 else page.title,
        "search_description": note(page.person, random.Random(page.id)) if page.draft else "",
        "show_in_menus": page.model == "sectionpage",
        "expired": False,
        "locked": page.id % 50 == 0,
        "locked_at": moment(page.id) if page.id % 50 == 0 else None,
        "locked_by_id": page.person.id if page.id % 50 == 0 else None,
        "content_type_id": world.content_types[f"{app}.{page.model}"],
        "owner_id": page.person.id,
        "first_published_at": published,
        "last_published_at": published,
        "latest_revision_created_at": page.revised(page.revisions[-1]),
        "latest_revision_id": page.revisions[-1],
        "live_revision_id": page.live_revision,
        "translation_key": page.translation_key,
        "locale_id": 1,
    }


def _article(page: PageFacts) -> Row:
    author, email = _author(page)
    dated = {0: date(1, 1, 1), 1: date(9999, 12, 31), 2: None}.get(page.id % 50, date(1536, 3, 1 + page.id % 28))
    body = json.dumps(_body(page, private=page.draft))
    return {"page_ptr_id": page.id, "author_name": author, "author_email": email, "dated": dated, "body": body}


def _author(page: PageFacts) -> tuple[str, str]:
    if page.draft:
        return page.person.name, page.person.email
    return PUBLISHED_AUTHORS[page.id % len(PUBLISHED_AUTHORS)], PRESS_OFFICE if page.id % 2 else ""


def _body(page: PageFacts, *, private: bool, version: int = 0) -> list[dict[str, object]]:
    """A StreamField's blocks as Wagtail stores them."""
    rng = random.Random(f"body {page.id} {version}")
    person, email = (page.person.name, page.person.email) if private else (_author(page)[0], "")
    prose = f"{letter(page.person, rng)} {note(page.person, rng)}" if private else public_prose(rng)
    values: list[tuple[str, object]] = [
        ("heading", sentence(rng)),
        ("paragraph", _paragraph(prose)),
        ("quote", {"quote": f"{sentence(rng)} {rng.choice(AWKWARD)}", "person": person, "email": email}),
        ("paragraph", _paragraph(" ".join(sentence(rng) for _ in range(6)))),
    ]
    if page.id % _HUGE_EVERY == 31 and not version:
        values.append(("paragraph", _paragraph(f"{sentence(rng)} " * 20_000)))
    return [{"type": type_, "value": value, "id": str(make_uuid(rng))} for type_, value in values]


def _paragraph(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<p data-block-key="{len(text):05x}">{escaped}</p>'


def _revisions(world: World, pages: list[PageFacts]) -> Iterator[Row]:
    rng = random.Random("revisions")
    page_type = world.content_types["wagtailcore.page"]
    for page in pages:
        model_type = world.content_types[f"journal.{page.model}"]
        for revision in page.revisions:
            content = _content(world, page, revision, rng)
            yield {
                "id": revision,
                "created_at": page.revised(revision),
                "content": Jsonb(content),
                "object_id": str(page.id),
                "user_id": None if revision % 13 == 0 else world.user(revision).id,
                "content_type_id": model_type,
                "base_content_type_id": page_type,
                "object_str": content["title"],
            }


def _content(world: World, page: PageFacts, revision: int, rng: random.Random) -> dict[str, object]:
    """What Wagtail keeps of a page in a revision: its fields, its comments, its StreamField as JSON inside JSON."""
    is_public = revision == page.live_revision or page.model != "articlepage"
    content: dict[str, object] = {
        **world.examples[page.model],
        "pk": page.id,
        "path": page.path,
        "depth": page.depth,
        "numchild": page.children,
        "translation_key": page.translation_key,
        "locale": 1,
        "title": page.title if is_public or page.draft else f"{page.title} ({page.person.name} to check)",
        "draft_title": page.title,
        "slug": page.slug,
        "live": not page.draft,
        "content_type": world.content_types[f"journal.{page.model}"],
        "url_path": page.url_path,
        "owner": page.person.id,
        "latest_revision": revision - 1 if revision > page.revisions[0] else None,
        "latest_revision_created_at": page.revised(revision).isoformat(),
        "wagtail_admin_comments": [_comment(world, page, revision, rng)] if revision % 4 == 0 else [],
    }
    if page.model == "articlepage":
        author, email = _author(page) if is_public else (page.person.name, page.person.email)
        version = 0 if is_public or revision == page.revisions[-1] else revision
        body = json.dumps(_body(page, private=not is_public, version=version))
        content |= {"author_name": author, "author_email": email, "dated": "1536-03-01", "body": body}
    if page.model == "formpage":
        content |= {"to_address": page.person.email, "from_address": PRESS_OFFICE, "form_fields": []}
    return content


def _comment(world: World, page: PageFacts, revision: int, rng: random.Random) -> dict[str, object]:
    example = cast(list[dict[str, object]], world.examples[page.model]["wagtail_admin_comments"])[0]
    reply = cast(list[dict[str, object]], example["replies"])[0]
    written = page.revised(revision).isoformat()
    stamps = {"created_at": written, "updated_at": written}
    return {
        **example,
        **stamps,
        "user": world.user(revision).id,
        "text": note(world.user(revision + 1), rng),
        "contentpath": "title",
        "replies": [{**reply, **stamps, "user": page.person.id, "text": note(world.user(revision + 2), rng)}],
    }
