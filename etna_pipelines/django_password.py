"""Passwords as Django keeps them."""

import base64
import hashlib

ITERATIONS = 1_200_000
"""Django 6.0's. Another version checks such a hash as well, and makes it its own when somebody signs in."""


def django_hash(password: str, salt: str, iterations: int = ITERATIONS) -> str:
    """`pbkdf2_sha256$iterations$salt$hash`: what Django's PBKDF2PasswordHasher writes."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${salt}${base64.b64encode(digest).decode()}"
