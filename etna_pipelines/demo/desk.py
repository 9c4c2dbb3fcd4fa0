"""The site's own tables: contributors, enquiries, an audit trail, keys of other systems."""

import random
import struct
import zlib
from collections.abc import Iterator
from datetime import date, timedelta

from psycopg.types.json import Jsonb

from etna_pipelines.demo.people import Person
from etna_pipelines.demo.prose import AWKWARD, letter, note, sentence
from etna_pipelines.demo.world import Row, Table, World, make_uuid, moment

OFFICES = ("Kew", "Aberystwyth", "Belfast", "Edinburgh")


def tables(world: World) -> Iterator[Table]:
    yield "journal_contributor", _contributors(world)
    yield "journal_enquiry", _enquiries(world)
    yield "journal_auditentry", _audit(world)
    yield "journal_servicetoken", _tokens(world)


def _contributors(world: World) -> Iterator[Row]:
    rng = random.Random("contributors")
    for number, person in enumerate(world.users[: world.count(1500)]):
        other = world.user(number + 1)
        born = {0: date(1, 1, 1), 1: date(9999, 12, 31), 2: None}
        yield {
            "user_id": person.id if number % 3 else None,
            "office": OFFICES[number % len(OFFICES)],
            "number": 1 + number // len(OFFICES),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "phone": (None, "", person.phone, person.phone)[number % 4],
            "national_insurance": person.national_insurance if number % 5 else "",
            "born": born.get(number % 40, date(1940, 1, 1) + timedelta(days=rng.randrange(23_000))),
            "avatar": _avatar(person, rng) if number % 4 == 0 else None,
            "aliases": [[], [person.name], [person.name.upper(), f"{person.last_name}, {person.first_name}"]][
                number % 3
            ],
            "details": Jsonb(
                {
                    "emergency": {"name": other.name, "phone": other.phone},
                    "emails": [person.email, other.email],
                    "payroll": rng.randrange(10**19, 10**20),
                    "notes": f"{note(other, rng)} {AWKWARD[number % len(AWKWARD)]}",
                }
            ),
        }


def _avatar(person: Person, rng: random.Random) -> bytes:
    """A PNG of one grey pixel, whose tEXt chunk says whose it is, as cameras and editors do."""
    grey = zlib.compress(bytes((0, rng.randrange(256))))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"tEXt", b"Author\0" + person.email.encode()),
        (b"IDAT", grey),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _enquiries(world: World) -> Iterator[Row]:
    rng = random.Random("enquiries")
    for number in range(world.count(3000)):
        person = world.user(number)
        anonymous = number % 15 == 0
        yield {
            "reference": make_uuid(rng),
            "received": moment(number * 4),
            "name": "" if anonymous else person.name,
            "email": "" if anonymous else person.email,
            "phone": person.phone if number % 2 and not anonymous else "",
            "address": "" if anonymous else person.address,
            "postcode": "" if anonymous else person.postcode,
            "message": sentence(rng) if anonymous else letter(person, rng),
            "sender_ip": None if number % 6 == 0 else person.ip,
            "answered_by_id": None if number % 4 == 0 else world.user(number + 3).id,
        }


def _audit(world: World) -> Iterator[Row]:
    rng = random.Random("audit")
    for number in range(world.count(4000)):
        person = world.gone[number % len(world.gone)] if number % 10 == 0 else world.user(number)
        subject = world.user(number + 5)
        yield {
            "at": moment(number * 3),
            "actor_name": person.name,
            "actor_email": "" if number % 12 == 0 else person.email,
            "ip": None if number % 7 == 0 else person.ip,
            "action": rng.choice(("user.created", "user.changed", "user.deleted")),
            "before": None if number % 3 == 0 else Jsonb(_audited(subject, number)),
            "after": None if number % 5 == 0 else Jsonb(_audited(subject, number + 1, note(person, rng))),
        }


def _audited(person: Person, version: int, reason: str = "") -> dict[str, object]:
    return {
        "user": {
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "username": person.username,
            "phone": person.phone,
        },
        "version": 10**19 + version,
        "reason": f"{reason} {AWKWARD[version % len(AWKWARD)]}",
    }


def _tokens(world: World) -> Iterator[Row]:
    systems = ("Discovery", "Image Library", "Shop", "Catalogue harvester", "Events")
    for number in range(min(world.count(200), len(world.users))):
        person = world.users[number]
        yield {
            "name": systems[number % len(systems)],
            "token": person.token,
            "owner_id": person.id,
            "created": moment(number * 50),
        }
