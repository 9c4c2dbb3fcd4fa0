import re

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable

from etna_pipelines.anonymise.masks import parse
from etna_pipelines.errors import RulesError
from tests.anonymise.masks.masking import OTHER_KEY, masked


@pytest.fixture
def django() -> None:
    if not settings.configured:
        settings.configure()


def test_a_password_that_nobody_can_log_in_with(django: None) -> None:
    [unusable, other, null] = masked("password", ["secret", "", None])
    assert re.fullmatch(r"![0-9a-f]{40}", str(unusable))
    assert not is_password_usable(unusable)
    assert other not in ("", unusable)
    assert null is None


def test_a_password_that_everybody_can_log_in_with(django: None) -> None:
    [known, again, null] = masked("password(django, letmein)", ["secret", "", None])
    assert known is not None
    assert check_password("letmein", known)
    assert not check_password("secret", known)
    assert (again, null) == (known, None)
    assert masked("password(django, letmein)", ["x"], key=OTHER_KEY) != [known]


@pytest.mark.parametrize("mask", ["password(letmein)", "password(rails, letmein)", "password(django, )", "password()"])
def test_other_passwords_are_refused(mask: str) -> None:
    with pytest.raises(RulesError, match="for one that you know"):
        parse(mask)
