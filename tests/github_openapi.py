"""GitHub's own description of its REST API, and what in requests and replies does not keep to it.

The description is the npm package @octokit/openapi (MIT), fetched once and kept in pytest's cache.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker

PACKAGE = "@octokit/openapi@23.0.2"
FILE = "package/generated/api.github.com.json"
SHA256 = "829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a"

Json = Any


class Unavailable(Exception):
    """The description cannot be had here."""


@dataclass(frozen=True)
class Operation:
    """A method of a path, as described."""

    method: str
    template: str
    described: Json

    @property
    def id(self) -> str:
        """`repos/list-deployments`"""
        return str(self.described["operationId"])


class Description:
    """The description, read once."""

    def __init__(self, document: Json) -> None:
        self._paths = document["paths"]
        self._components = document["components"]
        self._validators: dict[tuple[str, str], OAS30Validator] = {}

    def operation(self, method: str, template: str) -> Operation:
        return Operation(method, template, self._paths[template][method.lower()])

    def pattern(self, operation: Operation) -> re.Pattern[str]:
        """What paths of the operation look like; references such as `heads/feature/login` have slashes of their own."""
        several = {p["name"] for p in self._parameters(operation) if p.get("x-multi-segment")}
        pattern = re.sub(
            r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in several else '[^/]+'})", operation.template
        )
        return re.compile(pattern)

    def example(self, name: str) -> Json:
        """A copy of an example's value."""
        return json.loads(json.dumps(self._components["examples"][name]["value"]))

    def request_mistakes(self, operation: Operation, query: Mapping[str, str], body: Json) -> list[str]:
        """What the client must not have sent."""
        # Addresses of next pages come from the server itself.
        known = {"page"} | {p["name"] for p in self._parameters(operation) if p["in"] == "query"}
        mistakes = [f"{operation.id} has no parameter {name}" for name in query if name not in known]
        described = operation.described.get("requestBody", {}).get("content", {}).get("application/json")
        if body is None:
            return mistakes
        if described is None:
            return [*mistakes, f"{operation.id} takes no body"]
        unknown = body.keys() - described["schema"]["properties"].keys()
        mistakes += [f"{operation.id} takes no {name}" for name in unknown]
        return mistakes + self._mistakes(operation, "request", described["schema"], body)

    def reply_mistakes(self, operation: Operation, status: int, body: Json) -> list[str]:
        """What the stand-in must not have answered. Limits, 401 and 5xx are described in prose alone."""
        described = operation.described["responses"].get(str(status))
        if described is None:
            return (
                [] if status in (304, 400, 401, 403, 404, 422, 429) or status >= 500 else [f"{operation.id}: {status}?"]
            )
        if "$ref" in described:
            described = self._components["responses"][described["$ref"].rpartition("/")[2]]
        content = described.get("content", {}).get("application/json")
        if content is None:
            return [f"{operation.id}: {status} has no body"] if body is not None else []
        return self._mistakes(operation, str(status), content["schema"], body)

    def _mistakes(self, operation: Operation, part: str, schema: Json, value: Json) -> list[str]:
        validator = self._validators.get((operation.id, part))
        if validator is None:
            whole = {"allOf": [schema], "components": self._components}
            validator = OAS30Validator(whole, format_checker=oas30_format_checker)
            self._validators[operation.id, part] = validator
        return [f"{operation.id} {part}: {error.json_path} {error.message}" for error in validator.iter_errors(value)]

    def _parameters(self, operation: Operation) -> list[Json]:
        return [
            self._components["parameters"][parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
            for parameter in operation.described.get("parameters", [])
        ]


@cache
def description(kept_in: Path) -> Description | Unavailable:
    """The description, from `kept_in` or else from npm; or why it can't be had, which is not tried again."""
    file = kept_in / f"{SHA256}.json"
    try:
        if not file.exists():
            _fetch(file)
    except Unavailable as reason:
        return reason
    return Description(json.loads(file.read_bytes()))


def _fetch(file: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed, which fetches GitHub's description")
    with tempfile.TemporaryDirectory(dir=file.parent) as directory:
        try:
            pack = [npm, "pack", PACKAGE, "--silent", "--fetch-retries=1", "--fetch-timeout=60000"]
            packed = subprocess.run(pack, cwd=directory, capture_output=True, text=True, timeout=180, check=True)
            with tarfile.open(Path(directory, packed.stdout.split()[-1])) as archive:
                archive.extract(FILE, directory, filter="data")
        except (subprocess.SubprocessError, OSError, tarfile.TarError, IndexError):
            raise Unavailable(f"{PACKAGE} cannot be had from npm") from None
        content = Path(directory, FILE)
        assert hashlib.sha256(content.read_bytes()).hexdigest() == SHA256, f"{PACKAGE} is not what it was"
        content.replace(file)
