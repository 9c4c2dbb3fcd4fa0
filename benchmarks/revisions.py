"""Scrub of JSON revisions as Wagtail keeps them, against decompressing and recompressing them.

A revision is a page's JSON with its StreamFields as JSON strings inside: paragraphs of HTML, a UUID for each block and
now and then a name or an address. The people are those of `people.py`, whom scrub learns from their own table.
"""

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result, ratio, stripped_away
from benchmarks.snapshots import WORKERS, published, recompressed, table
from etna_pipelines.anonymise.rules import rules
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import Table
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 300
PER_CHUNK = 200
"""Revisions made at a time."""

RULES = f"""
tables:
  people:
    columns:
{people.columns_yaml()}
  revision:
    keep: [id, created_at]
    columns: {{object_str: scrub, content: scrub}}
"""


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    store = LocalStore(home / "store")
    known = [people.lines(1), archive.TERMINATOR]
    full = published(store, [(people.people("people"), known), (revision_table(), copy_text(megabytes))])
    path = home / "revisions.yaml"
    path.write_text(RULES)
    [file] = [file for file in full.files if file.table == "public.revision"]
    measured = ratio(
        lambda: stripped_away(full, store, rules.load(path), WORKERS), lambda: recompressed(store, full, file)
    )
    size = f"{(file.raw_bytes or 0) / MB:,.0f} MB, {file.rows:,} revisions, {people.ROWS:,} people known"
    return [Result("strip of JSON revisions by scrub / decompress + recompress", 4, measured, "x", size)]


def revision_table() -> Table:
    return table(
        "revision",
        {"id": "bigint", "created_at": "timestamp with time zone", "object_str": "text", "content": "jsonb"},
    )


def copy_text(megabytes: int) -> Iterator[bytes]:
    """About so many MB of revisions; after a few thousand different ones they repeat with other numbers in front."""
    written = turn = 0
    while written < megabytes * MB:
        for part in _some_revisions():
            chunk = part.replace(b'"pk": 1', b'"pk": %d1' % turn) if turn else part
            written += len(chunk)
            yield chunk
        turn += 1
    yield archive.TERMINATOR


def pages(megabytes: int) -> Iterator[bytes]:
    """About so many MB of pages: number, title and HTML, without anybody's name."""
    chance = random.Random(9)
    some = [_page(chance, number) for number in range(3000)]
    chunk = "".join(some).encode()
    for _ in range(megabytes * MB // len(chunk) + 1):
        yield chunk
    yield archive.TERMINATOR


def _page(chance: random.Random, number: int) -> str:
    text = " ".join(f"<p>{_sentence(chance, 30)}.</p>" for _ in range(chance.randrange(2, 12)))
    return f"{number}\t{_sentence(chance, 5)}\t{text}\n"


@cache
def _some_revisions() -> list[bytes]:
    chance = random.Random(7)
    return [
        "".join(_line(chance, number) for number in range(first, first + PER_CHUNK)).encode()
        for first in range(0, 10 * PER_CHUNK, PER_CHUNK)
    ]


def _line(chance: random.Random, number: int) -> str:
    title = _sentence(chance, 5)
    page = {
        "pk": int(f"1{number}"),
        "title": title,
        "slug": title.lower().replace(" ", "-"),
        "owner": chance.randrange(500),
        "search_description": _sentence(chance, 20),
        "body": json.dumps([_block(chance) for _ in range(chance.randrange(5, 40))]),
        "first_published_at": "2024-05-01T09:30:00.000Z",
        "wagtail_admin_comments": [],
    }
    content = json.dumps(page).replace("\\", "\\\\")
    return f"{number}\t2024-05-01 09:30:00+00\t{title}\t{content}\n"


def _block(chance: random.Random) -> dict[str, object]:
    identity = f"{chance.getrandbits(32):08x}-{chance.getrandbits(16):04x}-4abc-8def-{chance.getrandbits(48):012x}"
    text = " ".join(f"<p>{_sentence(chance, 25)}.</p>" for _ in range(chance.randrange(1, 6)))
    if chance.random() < 0.02:
        name = people.name(chance)
        text += (
            f'<p>Written by {name}, <a href="mailto:{name.split()[0].lower()}@archive.co.uk">ask</a> 07700 900123</p>'
        )
    return {"type": "paragraph", "value": {"heading": _sentence(chance, 4), "text": text}, "id": identity}


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_words(), k=words)).capitalize()


@cache
def _words() -> list[str]:
    from faker import Faker

    return [str(word) for word in Faker("en_GB").get_words_list()]
