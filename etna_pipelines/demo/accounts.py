"""Who may log in: users, allauth's addresses and accounts, sessions, tokens and what administrators did."""

import base64
import hashlib
import hmac
import json
import random
import zlib
from collections.abc import Iterator

from psycopg.types.json import Jsonb

from etna_pipelines.demo.people import ADMIN_EMAIL, ADMIN_PASSWORD, ADMIN_USERNAME, Person, ascii_slug
from etna_pipelines.demo.prose import AWKWARD, note
from etna_pipelines.demo.world import TODAY, Row, Table, World, moment
from etna_pipelines.django_password import django_hash

SECRET_KEY = "the-demo-has-nothing-to-hide"  # noqa: S105 - signs sessions of people who do not exist
ITERATIONS = 260_000
SERVICE_ACCOUNTS = ("harvester", "backup-robot", "newsletter", "kiosk")
"""Accounts without a person: no names, no e-mail."""


def tables(world: World) -> Iterator[Table]:
    yield "auth_user", _users(world)
    yield "auth_user_groups", ({"user_id": person.id, "group_id": person.id % 2 + 1} for person in world.users[::8])
    yield "wagtailusers_userprofile", (_profile(person) for person in world.users)
    yield "account_emailaddress", _addresses(world)
    yield "account_emailconfirmation", _confirmations(world)
    yield "socialaccount_socialapp", [_social_app()]
    yield "socialaccount_socialaccount", _social_accounts(world)
    yield "socialaccount_socialtoken", _social_tokens(world)
    yield "mfa_authenticator", _authenticators(world)
    yield "django_session", _sessions(world)
    yield "usersessions_usersession", _user_sessions(world)
    yield "wagtailcore_apitoken", _api_tokens(world)
    yield "django_admin_log", _admin_log(world)


def password_hash(password: str, salt: str) -> str:
    """As Django keeps it, with fewer iterations: the demo is not to wait for them."""
    return django_hash(password, salt, ITERATIONS)


def _users(world: World) -> Iterator[Row]:
    rng = random.Random("users")
    digest = password_hash(ADMIN_PASSWORD, "halenmon").rsplit("$", 1)[1]
    yield _user(1, password_hash(ADMIN_PASSWORD, "ynysenlli"), ADMIN_USERNAME, "Production", "Admin", ADMIN_EMAIL, 2)
    for person in world.users:
        # Nobody knows these passwords: hashing two thousand real ones would take minutes and prove nothing.
        password = f"pbkdf2_sha256${ITERATIONS}${rng.getrandbits(64):016x}${digest}"
        email = person.email.capitalize() if person.id % 9 == 0 else person.email
        level = 1 if person.id % 40 == 0 else 0
        yield _user(person.id, password, person.username, person.first_name, person.last_name, email, level)
    first = world.users[-1].id + len(world.gone) + 1
    for number, name in enumerate(SERVICE_ACCOUNTS, first):
        yield _user(number, "!", name, "", "", "", 0)


def _user(id_: int, password: str, username: str, first: str, last: str, email: str, level: int) -> Row:
    return {
        "id": id_,
        "password": password,
        "last_login": None if id_ % 5 == 0 else moment(id_ * 3),
        "is_superuser": level > 1,
        "username": username,
        "first_name": first,
        "last_name": last,
        "email": email,
        "is_staff": level > 0,
        "is_active": id_ % 23 != 0,
        "date_joined": moment(id_ * 200),
    }


def _profile(person: Person) -> Row:
    return {
        "user_id": person.id,
        "submitted_notifications": True,
        "approved_notifications": True,
        "rejected_notifications": True,
        "updated_comments_notifications": True,
        "preferred_language": "cy" if person.id % 6 == 0 else "",
        "current_time_zone": "Europe/London",
        "avatar": f"avatar_images/{ascii_slug(person.name)}.png" if person.id % 3 == 0 else "",
        "dismissibles": Jsonb({}),
        "theme": "system",
        "density": "default",
        "contrast": "system",
        "keyboard_shortcuts": True,
    }


def _addresses(world: World) -> Iterator[Row]:
    rows = 0
    for person in world.users:
        second = person.email.replace("@", "+post@")
        for email in (person.email, second) if person.id % 4 == 0 else (person.email,):
            rows += 1
            yield {
                "id": rows,
                "email": email,
                "verified": person.id % 11 != 0,
                "primary": email == person.email,
                "user_id": person.id,
            }


def _confirmations(world: World) -> Iterator[Row]:
    rng = random.Random("confirmations")
    for number in range(1, world.count(200)):
        yield {
            "created": moment(number),
            "sent": None if number % 6 == 0 else moment(number),
            "key": f"{rng.getrandbits(250):064x}",
            "email_address_id": number,
        }


def _social_app() -> Row:
    return {
        "id": 1,
        "provider": "google",
        "name": "Google",
        "client_id": "839213-journal.apps.googleusercontent.com",
        "secret": "GOCSPX-uIh3mQvB9rTzLk2nWcYdXe7a",
        "key": "",
        "provider_id": "",
        "settings": Jsonb({"fetch_userinfo": True}),
    }


def _social_accounts(world: World) -> Iterator[Row]:
    rng = random.Random("social accounts")
    for number, person in enumerate(world.users[: world.count(300)], 1):
        yield {
            "id": number,
            "provider": "google",
            "uid": str(rng.randrange(10**20, 10**21)),
            "last_login": moment(number),
            "date_joined": moment(number * 90),
            "extra_data": Jsonb(
                {
                    "name": person.name,
                    "given_name": person.first_name,
                    "family_name": person.last_name,
                    "email": person.email,
                    "picture": f"https://lh3.googleusercontent.com/a/{person.token}",
                }
            ),
            "user_id": person.id,
        }


def _social_tokens(world: World) -> Iterator[Row]:
    rng = random.Random("social tokens")
    for number in range(1, world.count(300) + 1):
        yield {
            "token": f"ya29.{rng.getrandbits(400):x}",
            "token_secret": f"1//{rng.getrandbits(200):x}",
            "expires_at": None if number % 3 == 0 else moment(-number),
            "account_id": number,
            "app_id": 1,
        }


def _authenticators(world: World) -> Iterator[Row]:
    rng = random.Random("authenticators")
    for person in world.users[: world.count(150)]:
        secret = base64.b32encode(rng.randbytes(20)).decode()
        for type_, data in (
            ("totp", {"secret": secret}),
            ("recovery_codes", {"seed": rng.randbytes(20).hex(), "used_mask": 0}),
        ):
            yield {
                "type": type_,
                "data": Jsonb(data),
                "user_id": person.id,
                "created_at": moment(person.id),
                "last_used_at": None,
            }


def session_data(payload: dict[str, object]) -> str:
    """A session as Django signs it: compressed JSON in base64, the time in base 62, an HMAC."""
    salt = "django.contrib.sessions.SessionStore"
    packed = zlib.compress(json.dumps(payload, separators=(",", ":")).encode("ascii"))
    value = f".{_base64(packed)}:{_base62(int(TODAY.timestamp()))}"
    key = hashlib.sha256(f"{salt}signer{SECRET_KEY}".encode()).digest()
    return f"{value}:{_base64(hmac.new(key, value.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def _session_key(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=32))


def _sessions(world: World) -> Iterator[Row]:
    rng = random.Random("sessions")
    for number in range(world.count(1500)):
        person = world.user(number)
        payload: dict[str, object] = {
            "_auth_user_id": str(person.id),
            "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
            "_auth_user_hash": f"{rng.getrandbits(256):064x}",
            "account_authentication_methods": [{"method": "password", "at": 1772442000, "username": person.username}],
            "enquiry": {"name": person.name, "email": person.email, "phone": person.phone},
        }
        yield {
            "session_key": _session_key(rng),
            "session_data": session_data(payload),
            "expire_date": moment(number - 1200),
        }


def _user_sessions(world: World) -> Iterator[Row]:
    rng = random.Random("user sessions")
    for number in range(world.count(300)):
        person = world.user(number)
        yield {
            "created_at": moment(number + 500),
            "ip": "2a00:23c8:6f1:1::" + person.id.to_bytes(2, "big").hex() if number % 8 == 0 else person.ip,
            "last_seen_at": moment(number),
            "session_key": _session_key(rng),
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "data": Jsonb({}),
            "user_id": person.id,
        }


def _api_tokens(world: World) -> Iterator[Row]:
    for number in range(world.count(100)):
        person = world.user(number)
        yield {
            "name": f"{person.first_name}'s script",
            "key_hash": hashlib.sha256(f"{number}{person.token}".encode()).hexdigest(),
            "prefix": f"wagtail_{person.token[:4]}",
            "created": moment(number * 40),
            "revoked_at": moment(number) if number % 9 == 0 else None,
            "last_used_at": None if number % 4 == 0 else moment(number * 2),
            "user_id": person.id,
        }


def _admin_log(world: World) -> Iterator[Row]:
    rng = random.Random("admin log")
    for number in range(world.count(1000)):
        person = rng.choice(world.gone) if number % 20 == 0 else world.user(number)
        changed = [{"changed": {"name": "user", "object": person.name, "fields": ["Email address", "Last name"]}}]
        yield {
            "action_time": moment(number * 5),
            "object_id": str(person.id),
            "object_repr": person.username if number % 2 else person.name,
            "action_flag": 3 if person.gone else 2,
            "change_message": json.dumps(changed) if number % 3 else f"{note(person, rng)} {AWKWARD[number % 14]}",
            "content_type_id": world.content_types["auth.user"],
            "user_id": 1,
        }
