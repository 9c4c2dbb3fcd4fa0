"""What S3 and botocore say, as StoreErrors of one sentence: which object, what happened, what to do next.

Only error codes are passed on, never the server's texts: some quote the signed request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.exceptions import S3CopyFailedError

from etna_pipelines.errors import ObjectMissing, StoreError, StoreRefused

_MISSING = {"NoSuchKey", "NotFound", "404"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_DENIED = {"AccessDenied", "Forbidden", "403", "AllAccessDisabled", "AccountProblem", "KMS.DisabledException"}
_UNKNOWN_CREDENTIALS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity"}
_OTHER_REGION = {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "OperationAborted", "BadDigest"}
_PASSING |= {"InternalError", "ServiceUnavailable"}  # told of one key, in a reply whose status is 200
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.UnauthorizedSSOTokenError,
    boto.SSOTokenLoadError,
)
_WRONG_NAMES = (boto.ParamValidationError, boto.InvalidDNSNameError, boto.UnsupportedS3ArnError)


@contextmanager
def told_of(where: str, bucket: str, endpoint: str) -> Iterator[None]:
    """Turn errors of S3 and botocore into StoreErrors about the object or folder at `where`."""
    try:
        yield
    except ClientError as error:
        raise from_code(code_of(error), status_of(error), error.operation_name, where, bucket, endpoint) from error
    except BotoCoreError as error:
        raise from_botocore(error, where, endpoint) from error
    except S3CopyFailedError as error:
        raise StoreError(f"{where} changed while it was copied: run this again.") from error


def code_of(error: ClientError) -> str:
    """S3's name for what happened: `NoSuchKey`; the HTTP status where the reply had no body."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def from_code(code: str, status: int, operation: str, where: str, bucket: str, endpoint: str) -> StoreError:
    """The error for a refusal by the server."""
    server = server_of(endpoint)
    if code in _MISSING:
        return ObjectMissing(f"{where} does not exist: it was deleted, or never written to this store.")
    if code == "NoSuchBucket":
        return StoreRefused(
            f"The bucket of {where} does not exist at {server}: create it, or correct the store in environments.yaml."
        )
    if code in _EXPIRED:
        return StoreRefused(f"The credentials for {where} have expired: sign in again, then run this again.")
    if code in _DENIED:
        return StoreRefused(
            f"The credentials are not allowed {operation} on {where}: grant it to them on the bucket {bucket}, "
            "and the use of its encryption key if it has one."
        )
    if code in _UNKNOWN_CREDENTIALS:
        return StoreRefused(
            f"{server} does not know the credentials used for {where}, or their secret is wrong: "
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile."
        )
    if code == "RequestTimeTooSkewed":
        return StoreRefused(f"{server} refused {where} because this machine's clock is wrong: set the clock.")
    if code in _OTHER_REGION:
        return StoreRefused(
            f"The bucket of {where} is in another region than {server}: "
            "correct the store's region in environments.yaml."
        )
    if code == "PreconditionFailed":
        return StoreRefused(f"{where} was replaced while it was in use: verify the snapshot it is of.")
    if code == "InvalidObjectState":
        return StoreRefused(f"{where} was moved to archive storage: restore it there first, then run this again.")
    if code in _PASSING or status >= 500 or status == 429:
        return StoreError(f"{server} failed at {operation} of {where} ({code or status}): run this again.")
    return StoreRefused(
        f"{server} refused {operation} of {where} ({code or status}): check the store in environments.yaml."
    )


def from_botocore(error: BotoCoreError, where: str, endpoint: str) -> StoreError:
    """The error for a request that got no reply, or was never sent."""
    server = server_of(endpoint)
    if isinstance(error, _NO_CREDENTIALS):
        return StoreRefused(
            f"There are no usable credentials for {where}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or sign in again."
        )
    if isinstance(error, boto.SSLError):
        return StoreRefused(f"{server} has no certificate this machine trusts: install its CA, or set AWS_CA_BUNDLE.")
    if isinstance(error, _WRONG_NAMES):
        return StoreRefused(f"{where} is not a name S3 knows: correct the store in environments.yaml.")
    if isinstance(error, boto.EndpointConnectionError | boto.ConnectTimeoutError | boto.ProxyConnectionError):
        return StoreError(
            f"{server} cannot be reached for {where}: check the network and the store's endpoint in environments.yaml."
        )
    if isinstance(error, boto.HTTPClientError):
        return StoreError(f"{server} stopped answering while at {where}: run this again.")
    return StoreError(f"{where} could not be used ({type(error).__name__}): check the store in environments.yaml.")


def server_of(endpoint: str) -> str:
    """The endpoint's host and port: without a user and password that its URL may hold."""
    return urlsplit(endpoint).netloc.rpartition("@")[2] or endpoint
