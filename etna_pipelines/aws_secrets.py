"""Secrets that a variable names instead of holding: in AWS's Systems Manager or Secrets Manager.

`aws-ssm:/etna/signing-key` is a parameter, a SecureString as a rule; `aws-secrets-manager:etna/keys` a secret, and
`aws-secrets-manager:etna/keys#signing` one value of a secret that is a JSON object. Credentials and region are boto3's
business. Needs ssm:GetParameter or secretsmanager:GetSecretValue, and kms:Decrypt of the key that encrypts it."""

import json
from time import monotonic

from etna_pipelines.errors import SecretUnreachable, SettingsError

PARAMETER, SECRET = "aws-ssm:", "aws-secrets-manager:"
KEPT = 300.0
"""Seconds for which a value is not asked for again. Sensors' processes live for weeks: theirs is changed meanwhile."""

_kept: dict[str, tuple[float, str]] = {}
"""By reference: when it was asked for, and the value."""


def is_reference(text: str) -> bool:
    return text.startswith((PARAMETER, SECRET))


def resolved(text: str, variable: str) -> str:
    """The text itself, or the secret that it names: asked for when first used and kept in memory, for five minutes or
    until AWS answers again. Raises SettingsError where it can't be had; the sentence names `variable` and what it
    refers to."""
    if not is_reference(text):
        return text
    asked, value = _kept.get(text, (-KEPT, None))
    if value is not None and monotonic() - asked < KEPT:
        return value
    try:
        _kept[text] = monotonic(), _fetched(text, variable)
    except SecretUnreachable:
        if value is None:
            raise
        return value
    return _kept[text][1]


def _fetched(reference: str, variable: str) -> str:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

    where = f"{variable} refers to {reference}"
    config = Config(connect_timeout=10, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
    try:
        if reference.startswith(PARAMETER):
            ssm = boto3.client("ssm", config=config)
            parameter = ssm.get_parameter(Name=reference.removeprefix(PARAMETER), WithDecryption=True)
            return parameter["Parameter"]["Value"]
        name, _, key = reference.removeprefix(SECRET).partition("#")
        text = boto3.client("secretsmanager", config=config).get_secret_value(SecretId=name).get("SecretString", "")
        return _value_of(text, key, where) if key else text
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "no code")
        if code in _PASSING:
            raise SecretUnreachable(f"{where}, and AWS failed at it ({code}): run this again.") from None
        raise SettingsError(
            f"{where}, and AWS refuses it ({error.operation_name}: {code}): check its name, the region, and that these "
            "credentials may read and decrypt it."
        ) from None
    except (NoCredentialsError, NoRegionError) as error:
        what = "credentials" if isinstance(error, NoCredentialsError) else "region"
        raise SettingsError(
            f"{where}, and nothing says with which {what} to ask AWS: set the AWS_... variables, or give this machine "
            "a role."
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise SecretUnreachable(
            f"{where}, and AWS gave no answer ({type(error).__name__}): check the network and the AWS_... variables."
        ) from None


_PASSING = {"ThrottlingException", "InternalServerError", "InternalServiceError", "ServiceUnavailable"}


def _value_of(text: str, key: str, where: str) -> str:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    value = values.get(key) if isinstance(values, dict) else None
    if not isinstance(value, str):
        raise SettingsError(f"{where}, and the secret is no JSON object with a text of that name: correct either.")
    return value
