"""A table of people as COPY text and as a full snapshot in a store: thirteen columns, ten of which the rules mask."""

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks.snapshots import published, table
from etna_pipelines.anonymise.rules import rules
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import Manifest, Table
from etna_pipelines.stores.local import LocalStore

MASKS = {
    "id": ("bigint", "keep"),
    "username": ("character varying(150)", "fake(username)"),
    "first_name": ("character varying(150)", "fake(first)"),
    "last_name": ("character varying(150)", "fake(last)"),
    "email": ("character varying(254)", "email"),
    "phone": ("character varying(40)", "phone"),
    "street": ("text", "fake(street)"),
    "city": ("text", "fake(city)"),
    "postcode": ("character varying(12)", "fake(postcode)"),
    "token": ("character varying(64)", "hash"),
    "password": ("character varying(128)", "password"),
    "is_active": ("boolean", "keep"),
    "date_joined": ("timestamp with time zone", "keep"),
}
"""Each column with its type and its mask."""

ROWS = 16_384
"""Rows made at a time."""

_FIRST = [
    "Olivia",
    "George",
    "Amelia",
    "Noah",
    "Isla",
    "Arthur",
    "Siân",
    "Rhys",
    "Niamh",
    "Zoë",
    "Priya",
    "Mohammed",
    "Ffion",
    "Owain",
    "Grace",
    "Leo",
]
_LAST = [
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Llewelyn",
    "O'Connor",
    "Khan",
    "Ap-Rhys",
    "Davies",
    "Patel",
    "Evans",
    "Hughes",
    "Wójcik",
    "Price",
    "Lewis",
]
_STREET = ["Church", "Station", "Victoria", "Ivy", "Park", "Mill", "Queens", "Chapel", "Bessant", "Kew"]
_CITY = ["London", "Cardiff", "Leeds", "Abertawe", "Bristol", "Derry", "Glasgow", "York", "Bath", "Truro"]


def lines(first_id: int) -> bytes:
    """ROWS people from `first_id` on: always the same for the same number."""
    chance = random.Random(first_id)
    return "".join(_line(chance, first_id + row) for row in range(ROWS)).encode()


def _line(chance: random.Random, number: int) -> str:
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    handle = f"{first}.{last}{number}".lower().replace("'", "")
    return (
        "\t".join(
            (
                str(number),
                handle,
                first,
                last + chance.choice(("", "", "", "-" + chance.choice(_LAST))),
                f"{handle}@mail{number % 50}.co.uk",
                f"07{number % 10**9:09}" if number % 3 else f"+44 7{number % 1000:03} {chance.randrange(10**6):06}",
                f"{number % 400} {chance.choice(_STREET)} {chance.choice(('Road', 'Street', 'Lane'))}",
                chance.choice(_CITY),
                f"TW{number % 20} {number % 10}DU" if number % 7 else r"\N",
                f"{chance.getrandbits(128):032x}",
                f"pbkdf2_sha256$600000${chance.getrandbits(110):022x}${chance.getrandbits(256):043x}=",
                "t" if number % 9 else "f",
                f"20{number % 24:02}-{number % 12 + 1:02}-{number % 28 + 1:02} 09:{number % 60:02}:00+00",
            )
        )
        + "\n"
    )


def name(chance: random.Random) -> str:
    """A full name as the table has them."""
    return f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"


@cache
def _some_lines() -> list[bytes]:
    return [lines(1 + number * ROWS) for number in range(16)]


def copy_text(megabytes: int) -> Iterator[bytes]:
    """About so many MB. After 50 MB people repeat with other numbers in front, or making them would take longest."""
    written = turn = 0
    while written < megabytes * 1_000_000:
        for part in _some_lines():
            # Another digit in every e-mail, so that what is made of it differs too.
            chunk = part.replace(b"@mail", b"@m%dail" % turn) if turn else part
            written += len(chunk)
            yield chunk
            if written >= megabytes * 1_000_000:
                break
        turn += 1
    yield archive.TERMINATOR


def snapshot(store: LocalStore, megabytes: int) -> Manifest:
    """A full snapshot in the store that holds this table alone."""
    return published(store, [(people("people"), copy_text(megabytes))])


def people(name: str) -> Table:
    return table(name, {column: type_ for column, (type_, _mask) in MASKS.items()})


def columns_yaml() -> str:
    """The masks of the columns, as lines of a rules file."""
    return "".join(f"      {name}: {mask}\n" for name, (_type, mask) in MASKS.items())


def masking_rules(directory: Path) -> Rules:
    """The rules for this table, written to a file and read as people's rules are."""
    path = directory / "people.yaml"
    path.write_text(f"tables:\n  people:\n    columns:\n{columns_yaml()}")
    return rules.load(path)
