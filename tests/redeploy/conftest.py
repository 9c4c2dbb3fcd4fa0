import pytest

ACCOUNT, REGION = "123456789012", "eu-west-2"


@pytest.fixture
def aws(s3_server: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an AWS that is spoken to over HTTP, and that boto3 goes to by itself. It keeps what tests make."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    return s3_server
