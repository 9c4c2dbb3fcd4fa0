"""Prose for the demo: public sentences, letters that name people, and values that trip up whoever copies text."""

import random

from etna_pipelines.demo.people import PRESS_OFFICE, PUBLISHED_SENTENCE, Person

AWKWARD = (
    "a tab\there and\na newline",
    "two lines,\r\nas Windows ends them",
    "a back\\slash, a literal \\N and a literal \\. too",
    "\\N",
    "\\.",
    "\"double\" and 'single' quotes, `ticks` and O'Connor",
    "a dragon 🐉 and a family 👩‍👩‍👧",
    "right to left: \u202egnorw siht daer\u202c",
    "a\u00a0space\u00a0that\u00a0does\u00a0not\u00a0break",
    "",
    "COPY public.auth_user (id, password) FROM stdin;",
    "percent %s %(name)s {braces} $1 $$ -- ; DROP TABLE journal_enquiry;",
    "\ufeffmarked, \u2028separated, e\u0301 combined, \x01 controlled",
    "12345678901234567890",
)

_THINGS = ("ledger", "charter", "court roll", "tithe map", "ship's log", "census", "seal", "petition", "passport")
_QUALITIES = ("forgotten", "illuminated", "salvaged", "unsigned", "water-stained", "bilingual", "secret", "oldest")
_PLACES = ("Aberystwyth", "Kew", "Harlech", "Caernarfon", "York", "Dover", "Llanelli", "Berwick", "Ynys Môn")
_DEEDS = ("was found in", "came by sea to", "was copied out at", "never left", "was bought back for", "burned at")


def title(rng: random.Random, number: int) -> str:
    return f"The {rng.choice(_QUALITIES)} {rng.choice(_THINGS)} of {rng.choice(_PLACES)}, no. {number}"


def sentence(rng: random.Random) -> str:
    return (
        f"The {rng.choice(_QUALITIES)} {rng.choice(_THINGS)} {rng.choice(_DEEDS)} {rng.choice(_PLACES)} "
        f"in {rng.randrange(1086, 1950)}."
    )


def public_prose(rng: random.Random, sentences: int = 4) -> str:
    """What a live page says: names nobody but the published."""
    told = " ".join(sentence(rng) for _ in range(sentences))
    return f"{told} {rng.choice(AWKWARD)} {PUBLISHED_SENTENCE} Write to {PRESS_OFFICE}."


def note(person: Person, rng: random.Random) -> str:
    """What one editor tells another about somebody."""
    return rng.choice(
        (
            f"Rang {person.name} on {person.phone}, who would rather be written to at {person.email}.",
            f"Please ask {person.name} ({person.email}) whether we may print this.",
            f"{person.username} changed this after {person.name} complained; call {person.phone}.",
        )
    )


def letter(person: Person, rng: random.Random) -> str:
    """What the public writes: everything that should never be put into a form, and sometimes is."""
    wish = rng.choice(
        (
            f"My National Insurance number is {person.national_insurance}, should you need it.",
            f"Please charge my card {person.card} for the copies.",
            f"Your site refused me from {person.ip}, please look into it.",
            f"You can ring me on {person.phone} after six.",
        )
    )
    return (
        f"Dear archivists,\n\n{sentence(rng)} {wish} {rng.choice(AWKWARD)}\n\n"
        f"Yours, {person.name}\n{person.email}\n{person.address}\n{person.postcode}"
    )
