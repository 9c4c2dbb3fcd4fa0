from django.contrib.auth.hashers import PBKDF2PasswordHasher

from etna_pipelines.django_password import django_hash


def test_a_password_is_hashed_as_django_does() -> None:
    assert django_hash("pässword", "ynysenlli", 1000) == PBKDF2PasswordHasher().encode("pässword", "ynysenlli", 1000)
    assert django_hash("p", "ynysenlli").startswith("pbkdf2_sha256$1200000$ynysenlli$")
