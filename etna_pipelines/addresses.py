"""Addresses that what we send goes to."""

from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def in_the_clear(url: str) -> bool:
    """Whether everybody on the way could read and change what is sent: plain http or redis, to another machine."""
    address = urlsplit(url)
    return address.scheme in ("http", "redis") and address.hostname not in LOOPBACK


def refuse_in_the_clear(url: str, *, plain_http: bool, what: str = "webhook") -> None:
    """For settings; `what` is the key that the address stands under. Raises ValueError."""
    if in_the_clear(url) and not plain_http:
        raise ValueError(f"has a `{what}` that begins with http://: make it https://, or say `plain_http: true`.")
