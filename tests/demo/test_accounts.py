"""Tests of etna_pipelines/demo/accounts.py: Django itself must understand what was written without it."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing

from etna_pipelines.demo.accounts import SECRET_KEY, password_hash, session_data
from etna_pipelines.demo.people import ADMIN_PASSWORD, ADMIN_USERNAME
from etna_pipelines.demo.site import settings
from etna_pipelines.postgres.server import Database


def test_django_reads_a_session() -> None:
    payload: dict[str, object] = {"_auth_user_id": "7", "enquiry": {"name": "Siân O'Connor"}}
    salt = "django.contrib.sessions.SessionStore"
    read = signing.loads(session_data(payload), key=SECRET_KEY, salt=salt, serializer=JSONSerializer, fallback_keys=[])
    assert read == payload


def test_sessions_are_signed_with_the_key_of_the_site() -> None:
    assert settings.SECRET_KEY == SECRET_KEY


def test_django_verifies_a_password() -> None:
    encoded = password_hash("Ynys Enlli", "salt")
    assert PBKDF2PasswordHasher().verify("Ynys Enlli", encoded)
    assert not PBKDF2PasswordHasher().verify("ynys enlli", encoded)


def test_the_administrator_logs_in_with_the_production_password(production: Database) -> None:
    with production.connect() as connection:
        rows = connection.execute("SELECT password FROM auth_user WHERE username = %s", [ADMIN_USERNAME]).fetchall()
    ((encoded,),) = rows
    assert PBKDF2PasswordHasher().verify(ADMIN_PASSWORD, encoded)
