"""Who asks: a fine-grained token, or the installation of a GitHub App."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from etna_pipelines.errors import SettingsError
from etna_pipelines.github.answers import InstallationToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from etna_pipelines.github.spec import GitHubApp

EARLY = 300.0
"""Seconds before its end that an installation's token is replaced."""


class Credentials(Protocol):
    """What goes into the header `Authorization`."""

    @property
    def variable(self) -> str:
        """The ETNA_... variable to set."""

    def bearer(self) -> str:
        """The token to send now."""

    def renew(self) -> bool:
        """Forget a token that GitHub refused; whether another one can be had."""


@dataclass(frozen=True)
class Token:
    """A fine-grained personal access token."""

    secret: str = field(repr=False)
    variable: str = "ETNA_GITHUB_TOKEN"

    def bearer(self) -> str:
        return self.secret

    def renew(self) -> bool:
        return False


class AppKey:
    """A GitHub App itself: it signs for a few minutes, and is good for nothing but asking for its installation's token.

    https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app"""

    variable = "ETNA_GITHUB_PRIVATE_KEY"

    def __init__(self, app: "GitHubApp", private_key: str) -> None:
        """Raises SettingsError where `private_key` is no private key in PEM, as GitHub makes them."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = None
        with suppress(ValueError, TypeError, UnsupportedAlgorithm):
            # A line of .env can't hold line ends; many write them as \n.
            key = load_pem_private_key(private_key.replace("\\n", "\n").encode(), None)
        if not isinstance(key, RSAPrivateKey):
            raise SettingsError(
                f"{self.variable} is not a private key in PEM: set it to the whole .pem file that GitHub made for the "
                "App, line ends as they are or written `\\n`."
            )
        self._key = key
        self._app = app

    def bearer(self) -> str:
        import jwt

        now = int(time.time())
        # GitHub takes ten minutes at most, and advises to begin a minute ago: clocks differ.
        return jwt.encode({"iat": now - 60, "exp": now + 480, "iss": str(self._app.id)}, self._key, "RS256")

    def renew(self) -> bool:
        return False


class Installation:
    """A GitHub App's installation: a token of an hour, asked for when it is needed."""

    variable = "ETNA_GITHUB_PRIVATE_KEY"

    def __init__(self, ask: "Callable[[], InstallationToken]") -> None:
        self._ask = ask
        self._token: InstallationToken | None = None

    def bearer(self) -> str:
        if self._token is None or self._token.expires.timestamp() - time.time() < EARLY:
            self._token = self._ask()
        return self._token.token

    def renew(self) -> bool:
        was_there, self._token = self._token is not None, None
        return was_there
