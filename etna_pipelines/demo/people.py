"""The people of the demo's production: who must never leave it, and who is published on purpose.

Everything is a pure function of `scale`, so a test can ask for the very values that the database was filled with.
"""

import functools
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

USERS = 2_000
"""Users at scale 1."""

ADMIN_USERNAME = "production-admin"
ADMIN_PASSWORD = "Ynys-Enlli-1404"  # noqa: S105 - production's password, which must stop working elsewhere
ADMIN_EMAIL = "production-admin@etna-swyddfa.co.uk"

PRESS_OFFICE = "press@nationalarchives.gov.uk"
PUBLISHED_AUTHORS = (
    "Dr Margaret Ellison",
    "Idris Cadwaladr",
    "Prof. Anwen Penhaligon",
    "Thomas Okonkwo-Hale",
    "Nesta Trevelyan",
    "Sir Walter Ashdown",
)
PUBLISHED_SENTENCE = "King Charles had a brown ledger with a green cover; may it never be lost."
"""On every live article: made of words that are also surnames of private people."""

WELSH_FIRST_NAMES = ("Siân", "Llŷr", "Rhiannon", "Gruffydd", "Ffion", "Angharad", "Owain", "Myfanwy", "Siôn", "Cerys")
COMMON_SURNAMES = ("Brown", "King", "Green", "May", "Hope", "Young", "Page", "Law")
"""Surnames that are also words, and a tenth of the people have one."""

_STEMS = ("O'Connor", "ap Rhys", "Llŷr", "McAllister", "D'Arcy", "Môn", "Smith-Hughes", "St. John")
_ENDINGS = ("bwyth", "thwenna", "quarrion", "fenwych", "gwithick", "morvane", "scathlow", "tregunna")
_MAIL_DOMAINS = ("harbourlight-post.co.uk", "penarth-mailbox.co.uk", "llandaf-webpost.co.uk", "quayside-letters.co.uk")
_NI_LETTERS = "ABCEGHJKLMNPRSTWXYZ"
_NI_REFUSED = {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


@dataclass(frozen=True)
class Person:
    """An invented private person. Those with `gone` had an account that was deleted: only logs still know them."""

    id: int
    first_name: str
    last_name: str
    username: str
    email: str
    phone: str
    national_insurance: str
    card: str
    ip: str
    token: str
    postcode: str
    address: str
    gone: bool

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def common(self) -> bool:
        return self.last_name in COMMON_SURNAMES


@functools.lru_cache(maxsize=4)
def people(scale: float = 1.0) -> tuple[Person, ...]:
    """Everybody: first those with an account (ids from 2, the administrator is 1), then a fortieth who are gone."""
    from faker import Faker

    faker = Faker("en_GB")
    faker.seed_instance(1838)
    rng = random.Random("people")
    users = max(40, round(USERS * scale))
    everybody = []
    for number in range(users + users // 40):
        first = rng.choice(WELSH_FIRST_NAMES) if number % 4 == 1 else faker.first_name()
        last = _surname(number, rng, faker.last_name())
        everybody.append(
            Person(
                id=number + 2,
                first_name=first,
                last_name=last,
                username=(username := f"{ascii_slug(first, '')}.{ascii_slug(last, '')}{number}"),
                email=f"{username}@{rng.choice(_MAIL_DOMAINS)}",
                phone=_phone(rng),
                national_insurance=_national_insurance(rng),
                card=_card(rng),
                ip=f"81.{rng.randrange(96, 160)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
                token=f"{rng.getrandbits(160):040x}",
                postcode=faker.postcode(),
                address=f"{rng.randrange(1, 400)} {faker.street_name()}\n{faker.city()}",
                gone=number >= users,
            )
        )
    return tuple(everybody)


def private_values(scale: float = 1.0) -> Iterator[str]:
    """What no stripped database may hold: e-mails, usernames, phones, NI numbers, cards, tokens, unmistakable surnames
    (as slugs too).

    Compare without regard to case. Surnames that are words are left out: published prose holds them too.
    """
    yield ADMIN_USERNAME
    yield ADMIN_EMAIL
    for person in people(scale):
        yield from (person.email, person.username, person.phone, person.national_insurance, person.card, person.token)
        if not person.common:
            yield from (person.last_name, ascii_slug(person.last_name))


def published_values() -> Iterator[str]:
    """What every stripped database must still hold."""
    yield from (PRESS_OFFICE, PUBLISHED_SENTENCE, *PUBLISHED_AUTHORS)


def ascii_slug(text: str, dash: str = "-") -> str:
    """`ap Rhys-Llŷr` as `ap-rhys-llyr`: for usernames, slugs and file names."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", dash, plain).strip(dash or None)


def _surname(number: int, rng: random.Random, common: str) -> str:
    """One in ten has a surname that is a word; the others one that nobody has, so that finding it proves a leak."""
    if number % 10 == 3:
        return rng.choice(COMMON_SURNAMES)
    return (rng.choice(_STEMS) if number % 7 == 2 else common) + rng.choice(_ENDINGS)


def _phone(rng: random.Random) -> str:
    """Mobiles and landlines as people write them, none from the ranges that Ofcom keeps for drama."""
    digits = f"{rng.randrange(1_000_000):06d}"
    mobile = f"{rng.randrange(7400, 7690)}"
    forms = (
        f"0{mobile} {digits}",
        f"+44 {mobile} {digits[:3]} {digits[3:]}",
        f"0{mobile}{digits}",
        f"(01{rng.choice(('443', '792', '970'))}) {digits}",
        f"+44 (0){mobile} {digits}",
    )
    return rng.choice(forms)


def _national_insurance(rng: random.Random) -> str:
    prefix = "BG"
    while prefix in _NI_REFUSED:
        prefix = rng.choice(_NI_LETTERS) + rng.choice(_NI_LETTERS)
    number = f"{rng.randrange(1_000_000):06d}"
    suffix = rng.choice("ABCD")
    return rng.choice((f"{prefix} {number[:2]} {number[2:4]} {number[4:]} {suffix}", f"{prefix}{number}{suffix}"))


def _card(rng: random.Random) -> str:
    """A card number whose check digit is right (Luhn)."""
    body = f"4929{rng.randrange(10**11):011d}"
    doubled = sum(sum(divmod(int(digit) * 2, 10)) for digit in body[::-2]) + sum(int(digit) for digit in body[-2::-2])
    number = f"{body}{-doubled % 10}"
    return " ".join(number[start : start + 4] for start in range(0, 16, 4))
