"""Who an object store is reached as: what the environment says, and the files of profiles."""

from pathlib import Path

import pytest

from stages.errors import UsageError
from stages.tables.store.objects import access

CREDENTIALS = """[default]
aws_access_key_id = KEY-OF-DEFAULT
aws_secret_access_key = secret of default

[archive]
aws_access_key_id = KEY-OF-ARCHIVE
aws_secret_access_key = secret % of archive
aws_session_token = token of archive
"""
CONFIG = """[profile archive]
region = eu-central-1
endpoint_url = http://127.0.0.1:9000

[profile office]
sso_session = office
region = eu-west-1
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two files of profiles, and nothing about access in the environment."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "DEFAULT_REGION", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("ENDPOINT_URL_S3", "PROFILE", "CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(CREDENTIALS, encoding="utf-8")
    (tmp_path / ".aws" / "config").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_without_a_word_the_default_profile_counts() -> None:
    assert access("s3://texts/press") == {
        "aws_access_key_id": "KEY-OF-DEFAULT",
        "aws_secret_access_key": "secret of default",
    }
    assert access("gs://texts/press") == {}


def test_a_profile_has_its_keys_in_one_file_and_its_endpoint_in_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "archive")
    assert access("s3://texts/press") == {
        "aws_access_key_id": "KEY-OF-ARCHIVE",
        "aws_secret_access_key": "secret % of archive",
        "aws_session_token": "token of archive",
        "aws_region": "eu-central-1",
        "aws_endpoint_url": "http://127.0.0.1:9000",
        "aws_allow_http": "true",
    }


def test_keys_of_the_environment_are_not_mixed_with_a_token_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "archive")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY-OF-SHELL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret of shell")
    found = access("s3://texts/press")
    assert (found["aws_access_key_id"], found["aws_secret_access_key"]) == ("KEY-OF-SHELL", "secret of shell")
    assert "aws_session_token" not in found
    assert found["aws_region"] == "eu-central-1"


@pytest.mark.parametrize("profile", ["missing", "office"])
def test_a_profile_without_keys_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(UsageError, match=f"AWS_PROFILE={profile}: no such profile with keys"):
        access("s3://texts/press")


def test_a_damaged_file_of_profiles_is_named(home: Path) -> None:
    (home / ".aws" / "config").write_text("region = eu-central-1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"\.aws.config is no file of profiles"):
        access("s3://texts/press")
