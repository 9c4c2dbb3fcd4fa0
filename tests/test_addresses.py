import pytest

from etna_pipelines.addresses import in_the_clear, refuse_in_the_clear


@pytest.mark.parametrize(
    ("url", "is_so"),
    [
        ("https://db.example.org", False),
        ("http://db.example.org:9000/path", True),
        ("redis://:password@redis.example.org:6379/0", True),
        ("redis://:password@localhost:6379/0", False),
        ("rediss://:password@redis.example.org:6379/0", False),
        ("HTTP://db.example.org", True),
        ("http://127.0.0.1:9000", False),
        ("http://localhost/x", False),
        ("http://[::1]:80", False),
        ("http://localhost.example.org", True),
        ("http://127.0.0.1@example.org", True),
    ],
)
def test_what_goes_in_the_clear(url: str, is_so: bool) -> None:
    assert in_the_clear(url) is is_so


def test_it_has_to_be_said() -> None:
    refuse_in_the_clear("http://hooks.example.org", plain_http=True)
    with pytest.raises(ValueError, match="make it https://, or say `plain_http: true`"):
        refuse_in_the_clear("http://hooks.example.org", plain_http=False)
