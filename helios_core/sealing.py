"""Secrets that rest in the database: sealed with a key that lies in the data folder and in no backup of the database.

AES-256-GCM, by the `cryptography` package: what was sealed for one purpose opens for no other, and a changed byte is
noticed.
"""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from helios_core.errors import ConfigurationError

KEY_FILE = "sealing.key"
KEY_BYTES, NONCE_BYTES = 32, 12
OTHERS = 0o077


def seal(secret: str, purpose: str, data_dir: Path) -> str:
    """`secret`, to be opened for the same purpose by who has the key in `data_dir`; the key is made at the first."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_key(data_dir, make=True)).encrypt(nonce, secret.encode(), purpose.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, purpose: str, data_dir: Path) -> str:
    """The secret; ConfigurationError where it was sealed with another key, for something else, or changed since."""
    data = base64.b64decode(sealed)
    try:
        opened = AESGCM(_key(data_dir, make=False)).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], purpose.encode())
    except InvalidTag as error:
        message = (
            f"A key in the database does not open with {data_dir / KEY_FILE}; give it again in Settings, "
            "or copy the file from the host where it was given."
        )
        raise ConfigurationError(message) from error
    return opened.decode()


def read_private(path: Path) -> bytes:
    """A file that its owner alone may read; ConfigurationError where it is missing, no file, or open to others."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            if os.fstat(file.fileno()).st_mode & OTHERS:
                message = f"Others may read {path}; make it yours alone: chmod 600 {path}"
                raise ConfigurationError(message)
            return file.read(65_536)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise ConfigurationError(message) from error


def _key(data_dir: Path, make: bool) -> bytes:
    path = data_dir / KEY_FILE
    if make and not path.exists():
        _make_key(path)
    return base64.b64decode(read_private(path))


def _make_key(path: Path) -> None:
    """Write a new key beside its place, then give it its name: who comes second keeps the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
