"""Redeploying by a signed POST to a service of one's own.

The POST carries what is deployed as JSON, and these headers; whoever receives it must not deploy one key twice:

- `Idempotency-Key`: the same for every try of one redeploy, which gets the same answer
- `X-Etna-Timestamp`: seconds since 1970; refuse what is older than some minutes
- `X-Etna-Signature-256`: `sha256=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body, with
  ETNA_WEBHOOK_SECRET

It answers 200 or 204 once it is done, or 202 and the `Location` (on the same server) of what becomes of it. That is
asked by signed GETs (their body is empty) until it answers 200 or 204. With 200 may come a JSON object: `status`
(`running`, `succeeded`, `failed`; without one it is done) and `version`, the one that serves now.
"""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ValidationError

from etna_pipelines.errors import RedeployFailed, RedeployUnfinished
from etna_pipelines.redeploy.placeholders import fill
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.redeploy.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    import httpx

INSISTING = 60.0
"""Seconds for which the POST is sent again where a server does not answer, or with 5xx: its key makes that safe."""


class _Said(BaseModel):
    """What a service answers with 200."""

    status: Literal["running", "succeeded", "failed"] = "succeeded"
    version: str | None = None


@dataclass(frozen=True)
class WebhookRedeployer:
    """Sends the POST, and follows it to its end where the answer says where to look."""

    url: str
    secret: str = field(repr=False)
    patience: float = PATIENCE
    insisting: float = INSISTING
    every: float = 5.0

    def redeploy(self, deployment: Deployment) -> Redeployed:
        import httpx

        began, url = time.monotonic(), httpx.URL(fill(self.url, deployment))
        with httpx.Client(timeout=30) as client:
            said = self._deployed(_Service(client, self.secret, url, deployment))
        return Redeployed(said.version, time.monotonic() - began)

    def _deployed(self, service: "_Service") -> _Said:
        answer = wait_for(service.post, self.insisting, self.every)
        if answer is None:
            raise service.unfinished(service.last)
        if answer.status_code in (200, 204):
            return service.done(answer)
        if answer.status_code != 202:
            raise service.unfinished(f"answered {answer.status_code}")
        status = service.status_url(answer)
        said = wait_for(lambda: service.get(status), self.patience, self.every)
        if said is None:
            raise service.unfinished(f"did not end it within {self.patience:g} s")
        return said


class _Service:
    """The service that deploys, and what it answers."""

    def __init__(self, client: "httpx.Client", secret: str, url: "httpx.URL", deployment: Deployment) -> None:
        self.url = url
        self.deployment = deployment
        self.last = ""
        self._client = client
        self._secret = secret

    def post(self) -> "httpx.Response | None":
        """The answer; None where there was none, or one that another try may better."""
        feature = self.deployment.feature
        body = {
            "push": self.deployment.key,
            "environment": self.deployment.environment,
            "version": self.deployment.version,
            "branch": feature.branch if feature else None,
            "image_tag": feature.image_tag if feature else None,
        }
        return self._send("POST", self.url, json.dumps(body).encode())

    def get(self, url: "httpx.URL") -> _Said | None:
        """How it ended; None while it is under way."""
        answer = self._send("GET", url, b"")
        return self.said(answer) if answer is not None and answer.status_code != 202 else None

    def done(self, answer: "httpx.Response") -> _Said:
        """What a service says that has done it while it was asked."""
        said = self.said(answer)
        if said is None:
            raise self.unfinished("says `running`, without the 202 and `Location` of where to look")
        return said

    def said(self, answer: "httpx.Response") -> _Said | None:
        """What an answer that is not 202 says; None for `running`."""
        if answer.status_code not in (200, 204):
            raise self._failed(f"answered {answer.status_code}")
        is_json = answer.headers.get("content-type", "").startswith("application/json") and answer.content
        try:
            said = _Said.model_validate_json(answer.content) if is_json else _Said()
        except ValidationError:
            raise self._failed("answered what is none of `running`, `succeeded` and `failed`") from None
        if said.status == "failed":
            raise self._failed("says that it failed")
        return None if said.status == "running" else said

    def status_url(self, answer: "httpx.Response") -> "httpx.URL":
        """Where a 202 says to look."""
        location = answer.headers.get("location")
        if not location:
            raise self.unfinished("answered 202 without the `Location` of what becomes of it")
        url = self.url.join(location)
        if (url.scheme, url.host, url.port) != (self.url.scheme, self.url.host, self.url.port):
            raise self.unfinished("answered with a `Location` on another server, which is not asked")
        return url

    def unfinished(self, what: str) -> RedeployUnfinished:
        return RedeployUnfinished(
            f"{self.deployment.unfinished}: the webhook of {self.url.host} {what}; run `etna redeploy "
            f"{self.deployment.environment}`, which goes on with it."
        )

    def _failed(self, what: str) -> RedeployFailed:
        return RedeployFailed(
            f"{self.deployment.failed}: the webhook of {self.url.host} {what}; look at its log, then run `etna "
            f"redeploy {self.deployment.environment}`."
        )

    def _send(self, method: str, url: "httpx.URL", body: bytes) -> "httpx.Response | None":
        import httpx

        headers = {"Idempotency-Key": self.deployment.key, "Content-Type": "application/json"}
        try:
            answer = self._client.request(method, url, content=body, headers=headers | signed(self._secret, body))
        except httpx.HTTPError as error:
            self.last = f"does not answer ({type(error).__name__})"
            return None
        if answer.status_code >= 500:
            self.last = f"answers {answer.status_code}"
            return None
        return answer


def signed(secret: str, body: bytes, now: float | None = None) -> dict[str, str]:
    """The headers that show who sends a body, and when."""
    timestamp = str(int(time.time() if now is None else now))
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Etna-Timestamp": timestamp, "X-Etna-Signature-256": f"sha256={signature}"}
