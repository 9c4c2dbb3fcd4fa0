import pytest

from etna_pipelines.anonymise.public import Public


@pytest.mark.parametrize(
    ("email", "allowed"),
    [
        ("info@archives.gov.uk", True),
        ("Info@Press.Archives.GOV.UK", True),
        ("harriet.0123@example.com", True),
        ("ann@notarchives.gov.uk", False),
        ("ann@archives.gov.uk.evil.com", False),
        ("ann@notexample.com", False),
        ("ann@gov.uk", False),
    ],
)
def test_addresses_of_public_domains_and_of_those_below_them_are_public(email: str, allowed: bool) -> None:
    assert Public(domains=["Archives.gov.uk"]).allows_email(email) is allowed
