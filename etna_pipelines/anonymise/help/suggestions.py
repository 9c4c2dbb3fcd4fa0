"""Suggestions: which mask a column may want, from its name, its type and, where there is one, a sample of values."""

import re
from dataclasses import dataclass

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type, holds_no_text, length_of
from etna_pipelines.anonymise.help.signs import NOTHING, Shown
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column

ALL, MOST, SOME = 0.9, 0.5, 0.2
"""Shares of sampled values that say what a column is, surely and likely, and that it is partly that."""

FEW, OFTEN = 12, 8
"""Labels: at most so many distinct values, each so often on average."""

ENOUGH = 5
"""Sampled values from which on it counts what they do not show."""


@dataclass(frozen=True)
class Suggestion:
    """What a column seems to be: whether it can tell something of a person, masks for it, the best first, and why."""

    sensitive: bool
    masks: tuple[str, ...]
    why: str


_MASKS = {
    "password": ("password", "hash", "null"),
    "email": ("email", "hash"),
    "phone": ("phone", "hash"),
    "first": ("fake(first)", "hash"),
    "last": ("fake(last)", "hash"),
    "name": ("fake(name)", "fake(username)"),
    "username": ("fake(username)", "hash"),
    "token": ("hash",),
    "insurance": ("scrub",),
    "card": ("scrub",),
    "iban": ("fake(iban)", "hash"),
    "ip": ("null", "fake(ip)", "scrub"),
    "agent": ("fake(user_agent)", "hash"),
    "company": ("fake(company)", "scrub"),
    "street": ("fake(street)", "scrub"),
    "postcode": ("fake(postcode)", "scrub"),
    "city": ("fake(city)", "scrub"),
    "birth": ("shift", "null"),
    "presence": ("null", "shift"),
    "file": ("file", "scrub"),
    "number": ("null", "noise(10%)"),
    "text": ("scrub",),
    "bytes": ("null",),
}
"""Masks for each kind of thing, the best first."""

_FALLBACK = ("scrub", "hash", "null", "set()", "set({})")

_BY_NAME = [
    (r"pass(word|wd|phrase|code)", "password"),
    (r"e_?mail", "email"),
    (r"phone|mobile|(^|_)tel(ephone)?$|fax", "phone"),
    (r"(first|given|fore|middle)_?names?$", "first"),
    (r"(last|family|maiden)_?name|surname", "last"),
    (r"user_?name|login$|nick(name)?$|screen_?name", "username"),
    (r"nat(ional)?_?ins|(^|_)nino$|(^|_)ssn$|passport|licen[cs]e_?n", "insurance"),
    (r"card_?(no|num)|(^|_)pan$", "card"),
    (r"iban|account_?(no|num)|sort_?code", "iban"),
    (r"ip_?addr|(^|_)ip$|remote_?(addr|ip)", "ip"),
    (r"user_?agent", "agent"),
    (r"token|secret|(api|access|private|session|secret)_?key|recovery|otp|nonce|signature|credential", "token"),
    (r"company|employer", "company"),
    (r"post_?code|zip(_?code)?$", "postcode"),
    (r"street|address", "street"),
    (r"(^|_)(city|town)$", "city"),
]
"""Kinds of text that a column's name says for sure; the first that fits counts."""

_NAME = re.compile(r"(^|_)(full_?|display_?)?name$|contact|author|(^|_)(owner|recipient|sender|speaker|actor)$")
_UNSURE = [
    (_NAME.pattern, "name"),
    (r"organi[sz]ation", "company"),
    (r"key$|hash|session", "token"),
]
"""Kinds that only a name says: what was sampled may say otherwise."""

_CHECKSUM = re.compile(r"(file|content|path|image|data|body)_?hash|check_?sum|digest|etag|(^|_)(hash|md5|sha\d*|crc)$")
_NEUTRAL = re.compile(
    r"(^|_)(type|kind|status|state|level|theme|colou?r|style|layout|locale|lang(uage)?(_code)?|time_?zone|tz|density"
    r"|contrast|model|app|app_label|codename|code|domain|host_?name|currency|unit|mime|version|outcome|priority"
    r"|category|region|duration|range|days|dates|spec|frequency|size|weight|order|sidebar|placeholder|button(_text)?"
    r"|cta(_text|_label)?|id|uid|uuid|ref|reference)$"
)
"""Names of columns that hold what a program chooses from, not what people write."""

_BIRTH = re.compile(r"birth|(^|_)dob$|(^|_)born(_on)?$|deceased|died")
_PRESENCE = re.compile(r"last_?(log_?in|seen|sign_?in|active|activity|visit|used)|(current|last)_sign_in_at|login_at")
_NUMBERS = re.compile(
    r"salary|income|wage|phone|mobile|card_?num|account_?num|(^|_)(ssn|nino|pan|age)$|latitude|longitude"
)
_TIMES = re.compile(r"date|timestamp.*")
_ADDRESSES = ("inet", "cidr", "macaddr", "macaddr8")


def suggest(column: Column, unique: bool = False) -> str:
    """A mask to begin with, from name and type alone: `keep` only for what can't hold text."""
    return mask_for(classify(column), column, unique)


def mask_for(found: Suggestion, column: Column, unique: bool = False) -> str:
    """The best mask for it that the column can take; `keep` where none can."""
    return next(mask for mask in (*found.masks, *_fallback(found), "keep") if _fits(mask, column, unique))


def classify(column: Column, shown: Shown = NOTHING) -> Suggestion:
    """What a column seems to be. What its values show counts most, then its name, then its type."""
    if column.labels:
        return _kept("an enum: its values are chosen from a list")
    if holds_no_text(column):
        return _of_numbers_and_times(column, shown)
    if base_type(column) in _ADDRESSES:
        return _sensitive("ip", "addresses of people's devices")
    if base_type(column) == "bytea":
        return _sensitive("bytes", "bytes can be anything: pictures, documents, keys")
    if base_type(column) == "tsvector":
        return _sensitive("bytes", "the words of a text that is searched: empty the table, it is built anew")
    if re.fullmatch(r"(?:small|big)?int(?:eger)?\[\]|(?:uuid|date|boolean|numeric.*)\[\]", base_type(column)):
        return _kept("numbers and the like name nobody")
    return _of_text(column, shown)


def _of_numbers_and_times(column: Column, shown: Shown) -> Suggestion:
    name, is_time = column.name.lower(), bool(_TIMES.match(base_type(column)))
    if is_time and _BIRTH.search(name):
        return _sensitive("birth", "its name says when a person was born or died")
    if base_type(column) == "date" and shown.share("birthday") >= ALL and shown.distinct * 2 > shown.values >= ENOUGH:
        return _sensitive("birth", shown.says("birthday"))
    if is_time and _PRESENCE.search(name):
        return _sensitive("presence", "its name says when a person was there")
    if not is_time and _NUMBERS.search(name) and base_type(column) not in ("boolean", "uuid"):
        return _sensitive("number", "its name says a number of a person's own")
    return _kept(f"{base_type(column)}: names nobody")


def _of_text(column: Column, shown: Shown) -> Suggestion:
    name = column.name.lower()
    if (found := _by_values(name, shown)) or (found := _by_name(name, _BY_NAME)):
        return found
    if length_of(column) in (1, 2, 3):
        return _kept("too short to name anybody")
    if shown.values:
        return _by_doubtful_values(name, shown) or _of_any_text(shown)
    if _NEUTRAL.search(name) or _CHECKSUM.search(name):
        return _kept("its name says that a program chooses its values; none were sampled")
    return _by_name(name, _UNSURE) or _of_any_text(shown)


def _by_values(name: str, shown: Shown) -> Suggestion | None:
    """What most values are, where that can be told for sure."""
    if _CHECKSUM.search(name) and shown.share("token") >= MOST:
        return _kept(f"{shown.says('token')}, and the name says checksums")
    for sign in ("password", "email", "insurance", "card", "iban", "ip", "postcode", "phone"):
        if shown.share(sign) >= MOST:
            return _sensitive(sign, shown.says(sign))
    return None


def _by_doubtful_values(name: str, shown: Shown) -> Suggestion | None:
    """What values show that some of them may hold personal data, or that none does."""
    if shown.share("uuid") >= MOST:
        return _kept(shown.says("uuid"))
    for sign in ("mentions email", "mentions phone"):
        if shown.share(sign):
            return _sensitive("text", shown.says(sign))
    if shown.share("token") >= MOST:
        return _sensitive("token", shown.says("token"))
    for sign in ("name", "first", "last"):
        if shown.share(sign) >= SOME and shown.distinct > 1:
            return _sensitive(sign, shown.says(sign))
    if shown.share("username") >= MOST and shown.distinct * 2 > shown.values >= ENOUGH:
        return _sensitive("username", shown.says("username"))
    for sign in ("json", "form"):
        if shown.share(sign) >= MOST:
            return _sensitive("text", f"{shown.says(sign)}, and any text can stand in it")
    if _NEUTRAL.search(name):
        return _kept("its name says that a program chooses its values")
    for sign, kind, besides in (("url", "text", "may hold names and tokens"), ("file", "file", "people choose them")):
        if shown.share(sign) >= MOST:
            return _sensitive(kind, f"{shown.says(sign)}, and {besides}")
    if shown.share("slug") >= SOME:
        return _sensitive("text", f"{shown.says('slug')}, made from what people write")
    return _by_what_is_missing(name, shown) if shown.values >= ENOUGH else None


def _by_what_is_missing(name: str, shown: Shown) -> Suggestion | None:
    """Numbers, labels and codes: enough values, and nothing of a person in any."""
    if shown.share("digits") == 1:
        return _kept(shown.says("digits"))
    if not shown.share("words"):
        return _kept(f"none of {shown.values} sampled values holds a word")
    if shown.distinct <= FEW and shown.values >= OFTEN * shown.distinct:
        return _kept(f"labels: {shown.distinct} distinct among {shown.values} sampled values")
    if shown.share("code") == 1:
        return _kept(shown.says("code"))
    if _NAME.search(name) and not shown.share("name", "first", "last"):
        return _kept(f"names of things: none of {shown.values} sampled values is a person's")
    return None


def _of_any_text(shown: Shown) -> Suggestion:
    if not shown.values:
        return _sensitive("text", "any text can be written in it; none was sampled")
    for sign in ("html", "sentence", "words"):
        if shown.share(sign) >= SOME:
            return _sensitive("text", f"{shown.says(sign)}: they may mention people")
    return _sensitive("text", "any text can be written in it; what was sampled is too little to tell")


def _by_name(name: str, known: list[tuple[str, str]]) -> Suggestion | None:
    for pattern, kind in known:
        if match := re.search(pattern, name):
            return _sensitive(kind, f"its name says `{match[0].strip('_')}`")
    return None


def _sensitive(kind: str, why: str) -> Suggestion:
    return Suggestion(True, _MASKS[kind], why)


def _kept(why: str) -> Suggestion:
    return Suggestion(False, (), why)


def _fallback(found: Suggestion) -> tuple[str, ...]:
    return _FALLBACK if found.sensitive else ()


def _fits(mask: str, column: Column, unique: bool) -> bool:
    try:
        return masks.misfit(masks.parse(mask), column, unique) is None
    except RulesError:  # its arguments are not for this column
        return False
