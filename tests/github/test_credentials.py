"""A GitHub App: it signs, and its installation's token is what the rest is asked with."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from etna_pipelines.errors import GitHubRefused, SettingsError
from etna_pipelines.github.answers import InstallationToken
from etna_pipelines.github.client import GitHub
from etna_pipelines.github.credentials import Installation, Token
from etna_pipelines.github.spec import GitHubApp
from tests.github_faults import lost_reply
from tests.github_server import GitHubServer


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
def private_key(github_server: GitHubServer, key: RSAPrivateKey) -> str:
    """The key of the App 12, which is installed as 345."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    github_server.app = (12, 345, public.decode())
    github_server.tokens.clear()
    github_server.add_tag("v1")
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def test_an_app_asks_for_a_token_and_uses_it(github_server: GitHubServer, private_key: str) -> None:
    github_server.faults.append(lost_reply(on="access_tokens"))  # which does no harm

    with GitHub.open(github_server.spec, private_key.replace("\n", "\\n")) as github:  # as in a line of .env
        assert [tag.name for tag in github.tags()] == ["v1"]
        github.tags()
        assert github_server.count("access_tokens") == 2

        github_server.tokens.clear()  # revoked
        assert [tag.name for tag in github.tags()] == ["v1"]
        assert github_server.count("access_tokens") == 3


def test_an_app_that_is_another(github_server: GitHubServer, private_key: str) -> None:
    for id_, installation, told in (
        (13, 345, r"does not accept ETNA_GITHUB_PRIVATE_KEY for asking .* installation 345: .* another App's"),
        (12, 346, r"refused asking .* installation 346 \(Not Found\): check `github.app` in environments.yaml"),
    ):
        app = GitHubApp(id=id_, installation=installation)
        spec = github_server.spec.model_copy(update={"app": app})
        with GitHub.open(spec, private_key) as github, pytest.raises(GitHubRefused, match=told):
            github.tags()


def test_a_key_that_is_none(github_server: GitHubServer, private_key: str) -> None:
    of_another_kind = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for text in (private_key[:200], "a word", of_another_kind.decode()):
        with pytest.raises(SettingsError, match="ETNA_GITHUB_PRIVATE_KEY is not a private key in PEM") as raised:
            GitHub.open(github_server.spec, text)
        assert text not in str(raised.value)


def test_a_token_is_replaced_before_its_end() -> None:
    now = datetime.now(UTC)
    given = iter(
        InstallationToken(token=name, expires=now + timedelta(minutes=minutes))
        for name, minutes in (("first", 4), ("second", 60), ("third", 60))
    )
    installation = Installation(lambda: next(given))

    assert [installation.bearer() for _ in range(3)] == ["first", "second", "second"]


def test_tokens_are_not_shown() -> None:
    assert "ghs_x" not in repr(Token("ghs_x"))
    assert "ghs_x" not in repr(InstallationToken(token="ghs_x", expires=datetime.now(UTC)))
