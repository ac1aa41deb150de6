"""Objects: a prefix of an object store (s3://, gs://, az://, https://), its files by name, and who it is reached as.

Credentials and endpoint are taken the usual way (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
AWS_ENDPOINT_URL, AWS_PROFILE; else what the machine itself is given) and told to nobody. What is throttled or fails for
a moment is tried again, more slowly each time, for a minute and a half.
"""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from stages.errors import UsageError, printable

_URL = re.compile(r"(?:s3|s3a|gs|az|abfss?|https?)://[^/]+(?:/.*)?")
_USER = re.compile(r"//[^/@\s]*@")
_AWS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region", "aws_endpoint_url")
_OTHER_NAMES = {"AWS_DEFAULT_REGION": "aws_region", "AWS_ENDPOINT_URL_S3": "aws_endpoint_url"}
_CREDENTIALS = _AWS[:3]
_OF_PROFILES = {"region": "aws_region", "endpoint_url": "aws_endpoint_url"} | {name: name for name in _CREDENTIALS}
_WITHOUT_KEYS = (
    "AWS_PROFILE={name}: no such profile with keys in ~/.aws/credentials and ~/.aws/config; name another one, or, "
    "where it signs in by a role or single sign-on, which is not followed, export its keys: "
    "aws configure export-credentials --profile {name} --format env"
)
_PATIENCE = timedelta(seconds=90)
_MOST_SAID = 400
_MEANINGS = {
    "NoSuchBucket": "there is no such bucket, check its name",
    "ContainerNotFound": "there is no such container, check its name",
    "InvalidAccessKeyId": "the store does not know this key, check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret does not fit the key, check AWS_SECRET_ACCESS_KEY",
    "AuthorizationHeaderMalformed": "the bucket is in another region, check AWS_REGION",
    "PermanentRedirect": "the bucket is in another region, check AWS_REGION",
    # Where a machine of a cloud asks for the role it was given.
    "//169.254.169.254/": "there are no credentials, set them (docs/object_stores.md)",
    "403 Forbidden": "these credentials may not do that, or are none",
    "error sending request": "nothing answers there, check the address (for s3:// AWS_ENDPOINT_URL) and the network",
}
"""What stores and libraries say, and what that means."""
_TOLD = ("AWS_", "GOOGLE_", "AZURE_", "AZURITE_")
_STORES_KEPT = 16
"""A new one for each object would cost four milliseconds, and a connection."""
_PAGE = 1_000


class Listed(NamedTuple):
    """What a listing says of one object: its name below the prefix, size in bytes, time of its last write, and ETag."""

    path: str
    size: int
    modified: datetime
    tag: str | None


class Conflict(Exception):  # noqa: N818 - it is an answer, not a fault
    """The object is no longer, or already, what a conditional write expected."""


def is_url(place: object) -> bool:
    """Tell whether a place is on an object store, by its name.

    >>> is_url("s3://bucket/press"), is_url("out/tables"), is_url("press=s3://bucket")
    (True, False, False)
    """
    return isinstance(place, str) and bool(_URL.fullmatch(place))


def is_web(url: str) -> bool:
    """Tell whether a URL is that of a web server, which is read alone, and lists its folders as pages."""
    return url.startswith(("https://", "http://"))


def access(url: str) -> dict[str, str]:
    """Give what the environment and the profiles say about access to a URL, by the names that all libraries know.

    Of s3:// only; the libraries themselves look for what other stores and machines with a role of their own need.
    Key, secret and token come from the environment or from the profile, never some from either. Raises UsageError where
    AWS_PROFILE names no profile that has keys, or a file of profiles is none.
    """
    if not url.startswith("s3"):
        return {}
    found = {name: os.environ[name.upper()] for name in _AWS if os.environ.get(name.upper())}
    for other, name in _OTHER_NAMES.items():
        if value := os.environ.get(other):
            found.setdefault(name, value)
    if "AWS_PROFILE" in os.environ or "aws_access_key_id" not in found:
        of_profile = _of_profile(os.environ.get("AWS_PROFILE", "default"))
        if "aws_access_key_id" in found:
            of_profile = {name: value for name, value in of_profile.items() if name not in _CREDENTIALS}
        elif os.environ.get("AWS_PROFILE") and "aws_access_key_id" not in of_profile:
            raise UsageError(_WITHOUT_KEYS.format(name=os.environ["AWS_PROFILE"]))
        found = of_profile | found
    if found.get("aws_endpoint_url", "").startswith("http://"):
        found["aws_allow_http"] = "true"
    return found


def _of_profile(name: str) -> dict[str, str]:
    """Read a profile of ~/.aws/credentials and ~/.aws/config; roles and single sign-on are not followed."""
    home, found = Path("~/.aws").expanduser(), dict[str, str]()
    for variable, file in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        parser = ConfigParser(interpolation=None)
        path = Path(os.environ.get(variable) or home / file)
        try:
            parser.read(path, encoding="utf-8")
        except (ConfigError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is no file of profiles ({type(error).__name__}); mend it") from error
        for section in (name, f"profile {name}"):
            if parser.has_section(section):
                found |= {ours: parser[section][own] for own, ours in _OF_PROFILES.items() if own in parser[section]}
    return found


def object_at(url: str) -> "tuple[Objects, str]":
    """Give the folder that an object lies in, and its name there."""
    folder, _, name = url.rpartition("/")
    return Objects(folder), name


class Objects:
    """The objects below one URL. Methods raise OSError where the store refuses, or does not answer in time."""

    def __init__(self, url: str, patience: timedelta = _PATIENCE) -> None:
        self.url, self._patience = url.rstrip("/"), patience

    def _store(self) -> Any:
        told = frozenset((name, value) for name, value in os.environ.items() if name.startswith(_TOLD))
        return _store_of(self.url, self._patience, frozenset(access(self.url).items()), told)

    def list(self, below: str = "", after: str | None = None) -> Iterator[Listed]:
        """List the objects whose names begin with the folder ``below``, page by page, in order of their names."""
        import obstore

        with self._told(below):
            for page in obstore.list(self._store(), below or None, offset=after, chunk_size=_PAGE):
                for one in page:
                    yield Listed(one["path"], one["size"], one["last_modified"], one["e_tag"])

    def look(self, path: str) -> Listed:
        """Say of one object what a listing says; raises FileNotFoundError where there is none."""
        import obstore

        with self._told(path):
            one = obstore.head(self._store(), path)
            return Listed(path, one["size"], one["last_modified"], one["e_tag"])

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Read an object whole, with what tells it from later ones of its name; None where there is none."""
        import obstore

        with self._told(path):
            try:
                found = obstore.get(self._store(), path)
                return bytes(found.bytes()), self._state_of(found.meta)
            except FileNotFoundError:
                return None

    def pieces(self, path: str, size: int, length: int, tag: str | None) -> Iterator[bytes]:
        """Read an object range by range; raises Conflict where it is no longer the one with this ETag."""
        import obstore

        store = self._store()
        for at in range(0, size, length):
            with self._told(path):
                options: Any = {"range": (at, min(at + length, size))} | ({"if_match": tag} if tag else {})
                yield bytes(obstore.get(store, path, options=options).bytes())

    def page(self, path: str) -> tuple[str, bytes]:
        """Read what a web server has at an address whole, with what it says that it is (``text/html``)."""
        import obstore

        with self._told(path):
            found = obstore.get(self._store(), path)
            return str(found.attributes.get("Content-Type", "")), bytes(found.bytes())

    def whole(self, path: str, length: int, tag: str | None) -> Iterator[bytes]:
        """Read an object in one go, as web servers may know no ranges; as `pieces` in all else."""
        import obstore

        with self._told(path):
            # A weak tag is for caches: a server takes it for none.
            options: Any = {"if_match": tag} if tag and not tag.startswith("W/") else {}
            for piece in obstore.get(self._store(), path, options=options).stream(min_chunk_size=length):
                yield bytes(piece)

    def write(self, path: str, data: bytes | Path, instead_of: str | None = "") -> str:
        """Write an object in one step and give what tells it from others, as `read` does.

        ``instead_of``: what `read` gave of the object that it is to replace, None: there must be none; where there is
        another by then Conflict is raised.
        """
        import obstore

        expected = {self._state: instead_of}
        mode: Any = "overwrite" if instead_of == "" else "create" if instead_of is None else expected
        with self._told(path):
            return self._state_of(obstore.put(self._store(), path, data, mode=mode))

    @property
    def _state(self) -> str:
        """What the store wants to be named before it replaces an object: Google's its generation, others its ETag."""
        return "version" if self.url.startswith("gs:") else "e_tag"

    def _state_of(self, about: Any) -> str:
        return about[self._state] or ""

    def remove(self, paths: Sequence[str]) -> None:
        """Remove objects; one that is gone already is no fault."""
        import obstore

        if not paths:
            return
        try:
            with self._told(paths[0]):
                obstore.delete(self._store(), list(paths))
        except FileNotFoundError:
            # Amazon's stores say nothing of what is gone, others stop there.
            for path in paths:
                with suppress(FileNotFoundError), self._told(path):
                    obstore.delete(self._store(), path)

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Say what the store answered, in one line and without what it was asked with."""
        from obstore import exceptions as refusals

        try:
            yield
        except (refusals.PreconditionError, refusals.AlreadyExistsError) as error:
            raise Conflict(f"{self.url}/{path}") from error
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "no such object", f"{self.url}/{path}") from None
        except (refusals.BaseError, ValueError) as error:
            denied = isinstance(error, refusals.PermissionDeniedError | refusals.UnauthenticatedError)
            raise OSError(errno.EACCES if denied else errno.EIO, said(error), f"{self.url}/{path}") from None


@lru_cache(_STORES_KEPT)
def _store_of(url: str, patience: timedelta, given: frozenset[tuple[str, str]], told: frozenset[Any]) -> Any:  # noqa: ARG001
    """The library's store for a URL, with its connections; ``told``: what it reads from the environment itself."""
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise UsageError(
            f"{url}: object stores need a package that is not installed; pip install 'fliesstext[delta]'"
        ) from error
    config: Any = dict(given)
    # What is not Amazon's is left to the libraries: they know from the environment whether it is a test server.
    web: Any = {"allow_http": True} if config.pop("aws_allow_http", "") or url.startswith("http:") else None
    # As often as fits into that time: ten, which is the library's own number, may be over in two seconds.
    retry: Any = {"max_retries": 1_000, "retry_timeout": patience}
    return from_url(url, config=config or None, client_options=web, retry_config=retry)


def said(error: BaseException) -> str:
    """Give the first line of what a library of object stores said, without names and passwords in its addresses.

    Before it, where that is known, what it means and what to do.
    """
    whole = str(error)
    line = (whole.splitlines() or [type(error).__name__])[0]
    means = next((f"{meaning}: " for mark, meaning in _MEANINGS.items() if mark in whole), "")
    return printable(means + _USER.sub("//", line.partition(": <")[0]))[:_MOST_SAID]
