"""What happened on the site: logs, comments, workflows, forms that were filled in, searches, uploads."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from psycopg.types.json import Jsonb

from etna_pipelines.demo.pages import PageFacts
from etna_pipelines.demo.people import PRESS_OFFICE, PUBLISHED_AUTHORS, Person, ascii_slug
from etna_pipelines.demo.prose import AWKWARD, letter, note, sentence
from etna_pipelines.demo.world import Row, Table, World, make_uuid, moment

VIEW_PASSWORD = "Cymru-1536-embargo"  # noqa: S105 - Wagtail keeps these as plain text
FORM_FIELDS = (("name", "singleline"), ("email", "email"), ("phone", "singleline"), ("message", "multiline"))


def tables(world: World, pages: list[PageFacts]) -> Iterator[Table]:
    articles = [page for page in pages if page.model == "articlepage"]
    forms = [page for page in pages if page.model == "formpage"]
    drafts = [page for page in articles if page.draft]
    yield "wagtailcore_pagelogentry", _page_log(world, pages)
    yield "wagtailcore_modellogentry", _model_log(world)
    yield "wagtailcore_comment", _comments(world, articles)
    yield "wagtailcore_commentreply", _replies(world)
    yield "wagtailcore_workflowstate", _workflow_states(world, drafts)
    yield "wagtailcore_taskstate", _task_states(world, drafts)
    yield "wagtailcore_pagesubscription", _subscriptions(articles, world.count(300))
    yield "wagtailcore_pageviewrestriction", [_restriction(drafts[0])]
    yield "wagtailadmin_formstate", _form_states(world, articles)
    yield "wagtailadmin_editingsession", _editing(world, articles)
    yield "journal_formpage", (_form_page(page) for page in forms)
    yield "journal_formfield", (_form_field(page, *field) for page in forms for field in enumerate(FORM_FIELDS))
    yield "wagtailforms_formsubmission", _submissions(world, forms)
    yield from _library(world)
    yield from _searches(world)
    yield "wagtailredirects_redirect", _redirects(world, articles)
    yield "wagtailembeds_embed", _embeds(world)
    yield "taggit_tag", ({"id": n, "name": word, "slug": word} for n, word in enumerate(("maps", "wills", "sea"), 1))
    yield "taggit_taggeditem", _tagged(world)


def _page_log(world: World, pages: Sequence[PageFacts]) -> Iterator[Row]:
    rng = random.Random("page log")
    for page in pages:
        for number, revision in enumerate(page.revisions):
            author = world.gone[revision % len(world.gone)] if revision % 25 == 0 else world.user(revision)
            action, data = _logged(page, number, author, rng)
            yield {
                "label": page.title,
                "action": action,
                "data": Jsonb(data),
                "timestamp": page.revised(revision),
                "content_changed": action == "wagtail.edit",
                "deleted": False,
                "content_type_id": world.content_types[f"journal.{page.model}"],
                "page_id": page.id,
                "revision_id": revision,
                "user_id": author.id,
                "uuid": make_uuid(rng),
            }
    for number, person in enumerate(world.gone):
        yield {
            "label": f"Obituary of {person.name}",
            "action": "wagtail.delete",
            "data": Jsonb({"note": note(person, rng)}),
            "timestamp": moment(number),
            "content_changed": True,
            "deleted": True,
            "content_type_id": world.content_types["journal.articlepage"],
            "page_id": 1_000_000 + number,
            "revision_id": None,
            "user_id": person.id,
            "uuid": make_uuid(rng),
        }


def _logged(page: PageFacts, number: int, author: Person, rng: random.Random) -> tuple[str, dict[str, object]]:
    if number == 0:
        return "wagtail.create", {}
    if number == 3:
        comment = {"id": page.id, "contentpath": "title", "text": note(author, rng)}
        return "wagtail.comments.create", {"comment": comment}
    if number == 4 and page.draft:
        return "wagtail.rename", {"title": {"old": f"Notes on {page.person.name}", "new": page.title}}
    return "wagtail.edit", {}


def _model_log(world: World) -> Iterator[Row]:
    rng = random.Random("model log")
    for number in range(world.count(2000)):
        person = world.gone[number % len(world.gone)] if number % 10 == 0 else world.user(number)
        yield {
            "label": person.username if number % 2 else person.name,
            "action": "wagtail.delete" if person.gone else "wagtail.edit",
            "data": Jsonb({"first_name": person.first_name, "last_name": person.last_name, "email": person.email}),
            "timestamp": moment(number * 7),
            "content_changed": True,
            "deleted": person.gone,
            "content_type_id": world.content_types["auth.user"],
            "object_id": str(person.id),
            "user_id": 1,
            "uuid": make_uuid(rng),
            "revision_id": None,
        }


def _comments(world: World, articles: Sequence[PageFacts]) -> Iterator[Row]:
    rng = random.Random("comments")
    for number in range(world.count(800)):
        page = articles[number % len(articles)]
        resolved = number % 4 == 0
        yield {
            "id": number + 1,
            "text": f"{note(world.user(number), rng)} {AWKWARD[number % len(AWKWARD)]}",
            "contentpath": "title",
            "position": "",
            "created_at": moment(number * 9),
            "updated_at": moment(number * 9),
            "resolved_at": moment(number) if resolved else None,
            "page_id": page.id,
            "resolved_by_id": world.user(number + 4).id if resolved else None,
            "revision_created_id": page.revisions[-1],
            "user_id": world.user(number + 2).id,
        }


def _replies(world: World) -> Iterator[Row]:
    rng = random.Random("replies")
    for number in range(world.count(400)):
        yield {
            "text": note(world.user(number * 2), rng),
            "created_at": moment(number * 8),
            "updated_at": moment(number * 8),
            "comment_id": 1 + number * 2 % world.count(800),
            "user_id": world.user(number + 6).id,
        }


def _workflow_states(world: World, drafts: Sequence[PageFacts]) -> Iterator[Row]:
    for number, page in enumerate(drafts, 1):
        yield {
            "id": number,
            "status": "needs_changes",
            "created_at": page.revised(page.revisions[2]),
            "current_task_state_id": number,
            "object_id": str(page.id),
            "requested_by_id": page.person.id,
            "workflow_id": 1,
            "content_type_id": world.content_types["journal.articlepage"],
            "base_content_type_id": world.content_types["wagtailcore.page"],
        }


def _task_states(world: World, drafts: Sequence[PageFacts]) -> Iterator[Row]:
    rng = random.Random("task states")
    for number, page in enumerate(drafts, 1):
        yield {
            "id": number,
            "status": "rejected",
            "started_at": page.revised(page.revisions[2]),
            "finished_at": page.revised(page.revisions[3]),
            "content_type_id": world.content_types["wagtailcore.taskstate"],
            "revision_id": page.revisions[2],
            "task_id": 1,
            "workflow_state_id": number,
            "finished_by_id": world.user(number).id,
            "comment": note(page.person, rng),
        }


def _subscriptions(articles: Sequence[PageFacts], count: int) -> Iterator[Row]:
    for page in articles[:count]:
        yield {"comment_notifications": True, "page_id": page.id, "user_id": page.person.id}


def _restriction(page: PageFacts) -> Row:
    return {"password": VIEW_PASSWORD, "page_id": page.id, "restriction_type": "password"}


def _form_states(world: World, articles: Sequence[PageFacts]) -> Iterator[Row]:
    for number, page in enumerate(articles[: world.count(50)]):
        person = world.user(number)
        form = {"title": page.title, "author_name": person.name, "author_email": person.email, "body-count": "2"}
        yield {
            "data": urlencode(form),
            "object_id": str(page.id),
            "parent_object_id": "",
            "last_updated_at": moment(number),
            "content_type_id": world.content_types["journal.articlepage"],
            "user_id": person.id,
        }


def _editing(world: World, articles: Sequence[PageFacts]) -> Iterator[Row]:
    for number, page in enumerate(articles[: world.count(20)]):
        yield {
            "object_id": str(page.id),
            "last_seen_at": moment(number),
            "content_type_id": world.content_types["journal.articlepage"],
            "user_id": world.user(number).id,
            "is_editing": number % 2 == 0,
        }


def _form_page(page: PageFacts) -> Row:
    return {
        "page_ptr_id": page.id,
        "to_address": page.person.email,
        "from_address": PRESS_OFFICE,
        "subject": f"Somebody filled in {page.title}",
        "introduction": "<p>We answer within ten days.</p>",
        "thanks": "<p>Diolch yn fawr / thank you.</p>",
    }


def _form_field(page: PageFacts, order: int, field: tuple[str, str]) -> Row:
    name, type_ = field
    return {
        "sort_order": order,
        "clean_name": name,
        "label": name.capitalize(),
        "field_type": type_,
        "required": order < 2,
        "choices": "",
        "default_value": "",
        "help_text": "",
        "page_id": page.id,
    }


def _submissions(world: World, forms: Sequence[PageFacts]) -> Iterator[Row]:
    rng = random.Random("submissions")
    for number in range(world.count(2000)):
        person = world.user(number)
        data = {"name": person.name, "email": person.email, "message": letter(person, rng)}
        yield {
            "form_data": Jsonb(data | ({"phone": person.phone} if number % 3 else {"phone": None})),
            "submit_time": moment(number * 6),
            "page_id": forms[number % len(forms)].id,
        }


def _library(world: World) -> Iterator[Table]:
    """Images and documents: rows as uploads leave them; the files themselves are not in a database."""
    people = world.users[: world.count(100)]
    yield "wagtailimages_image", (_image(n, person) for n, person in enumerate(people, 1))
    yield "wagtailimages_rendition", (_rendition(n, person) for n, person in enumerate(people, 1))
    yield "wagtaildocs_document", (_document(n, person) for n, person in enumerate(people[: world.count(50)], 1))
    yield (
        "wagtailcore_uploadedfile",
        (
            {
                "file": f"uploads/{ascii_slug(person.name, '_')}.docx",
                "for_content_type_id": None,
                "uploaded_by_user_id": person.id,
            }
            for person in people[: world.count(20)]
        ),
    )


def _image(number: int, person: Person) -> Row:
    private = number % 3 == 0
    return {
        "id": number,
        "title": f"Portrait of {person.name}" if private else f"Tithe map, sheet {number}",
        "file": f"original_images/{ascii_slug(person.name, '_')}.jpg"
        if private
        else f"original_images/map{number}.jpg",
        "width": 1600,
        "height": 1200,
        "created_at": moment(number * 60),
        "uploaded_by_user_id": person.id,
        "file_size": None if number % 7 == 0 else 240_000 + number,
        "collection_id": 1,
        "file_hash": hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest(),
        "description": f"{person.name} at home" if private else "A hand-coloured map",
    }


def _rendition(number: int, person: Person) -> Row:
    stem = ascii_slug(person.name, "_") if number % 3 == 0 else f"map{number}"
    return {
        "file": f"images/{stem}.max-800x600.jpg",
        "width": 800,
        "height": 600,
        "focal_point_key": "",
        "filter_spec": "max-800x600",
        "image_id": number,
    }


def _document(number: int, person: Person) -> Row:
    private = number % 2 == 0
    return {
        "title": f"CV of {person.name}" if private else f"Reading room guide {number}",
        "file": f"documents/cv_{ascii_slug(person.name, '_')}.pdf" if private else f"documents/guide{number}.pdf",
        "created_at": moment(number * 70),
        "uploaded_by_user_id": person.id,
        "collection_id": 1,
        "file_size": 80_000,
        "file_hash": hashlib.sha1(b"d%d" % number, usedforsecurity=False).hexdigest(),
    }


def _searches(world: World) -> Iterator[Table]:
    asked = [
        (person.name, person.email, f"census {number}")[number % 3].lower()
        for number, person in enumerate(world.users[: world.count(300)])
    ]
    queries = list(dict.fromkeys(asked))
    yield "wagtailsearchpromotions_query", ({"id": n, "query_string": text} for n, text in enumerate(queries, 1))
    yield (
        "wagtailsearchpromotions_querydailyhits",
        (
            {"date": date(2026, 1, 1) + timedelta(days=n % 60), "hits": 1 + n % 9, "query_id": n}
            for n in range(1, len(queries) + 1)
        ),
    )


def _redirects(world: World, articles: Sequence[PageFacts]) -> Iterator[Row]:
    live = [page for page in articles if not page.draft]
    for number, page in enumerate(live[: world.count(100)]):
        person = world.user(number)
        private = number % 5 == 0
        yield {
            "old_path": f"/people/{ascii_slug(person.name)}-{number}" if private else f"/old/{number}",
            "is_permanent": True,
            "redirect_link": f"/find?email={quote(person.email)}" if private else "",
            "redirect_page_id": None if private else page.id,
            "site_id": 1,
            "automatically_created": False,
            "created_at": moment(number * 99),
            "redirect_page_route_path": "",
        }


def _embeds(world: World) -> Iterator[Row]:
    rng = random.Random("embeds")
    for number in range(world.count(20)):
        url = f"https://www.youtube.com/watch?v={rng.getrandbits(60):x}"
        yield {
            "url": url,
            "max_width": None,
            "type": "video",
            "html": f'<iframe src="{url}" title="Film"></iframe>',
            "title": sentence(rng),
            "author_name": PUBLISHED_AUTHORS[number % len(PUBLISHED_AUTHORS)],
            "provider_name": "YouTube",
            "thumbnail_url": "",
            "width": 200,
            "height": 113,
            "last_updated": moment(number),
            "hash": hashlib.md5(url.encode(), usedforsecurity=False).hexdigest(),
            "cache_until": None,
        }


def _tagged(world: World) -> Iterator[Row]:
    for number in range(1, world.count(100)):
        yield {
            "tag_id": 1 + number % 3,
            "object_id": number,
            "content_type_id": world.content_types["wagtailimages.image"],
        }
