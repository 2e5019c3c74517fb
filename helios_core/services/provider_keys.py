"""Where the key to a model server comes from: the environment, a file in the data folder, or sealed in the database.

No name here can reach another secret of this machine: of the environment only variables that are called a key are
read, and of the files only those that somebody with the machine's own rights has put into `keys/` of the data folder.
"""

import re
from pathlib import Path

from pydantic import SecretStr

from helios_core.errors import ConfigurationError
from helios_core.models import ProviderEndpoint
from helios_core.sealing import read_private, seal, unseal
from helios_core.settings import key_in_environment

VARIABLE = re.compile(r"(?!HELIOS_)(?:[A-Z][A-Z0-9_]*_API_KEY|HF_TOKEN)")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
KEY = re.compile(r"[\x21-\x7e]{1,4096}")
FOLDER = "keys"
SHOWN_CHARACTERS, SHOWN_FROM_CHARACTERS = 4, 32
"""Of a key this long the last four characters tell it from another, and help nobody to guess it."""


def key_of(endpoint: ProviderEndpoint, data_dir: Path) -> SecretStr | None:
    """The key to an endpoint, None where it has none. Raises ConfigurationError with what to do."""
    reference = endpoint.key_reference or ""
    if endpoint.key_source == "environment":
        return _from_environment(reference)
    if endpoint.key_source == "file":
        return _from_file(data_dir / FOLDER / reference)
    if endpoint.sealed_secret is not None:
        return SecretStr(unseal(endpoint.sealed_secret, purpose_of(endpoint), data_dir))
    return None


def keep_sealed(endpoint: ProviderEndpoint, key: str, data_dir: Path) -> None:
    """Seal `key` into the endpoint. It opens for this provider at this address, and nowhere else."""
    endpoint.sealed_secret = seal(key, purpose_of(endpoint), data_dir)
    endpoint.key_ends_with = key[-SHOWN_CHARACTERS:] if len(key) >= SHOWN_FROM_CHARACTERS else None


def purpose_of(endpoint: ProviderEndpoint) -> str:
    """What a sealed key is for."""
    return f"{endpoint.provider} {endpoint.address}"


def _from_environment(name: str) -> SecretStr:
    found = key_in_environment(name) if VARIABLE.fullmatch(name) else None
    if found is None:
        message = f"The environment of this process has no {name}; set it where Helios is started, and start it again."
        raise ConfigurationError(message)
    return found


def _from_file(path: Path) -> SecretStr:
    text = read_private(path).decode(errors="replace").strip() if FILE_NAME.fullmatch(path.name) else ""
    if not KEY.fullmatch(text):
        message = f"{path} holds no key: it is one line of printable characters."
        raise ConfigurationError(message)
    return SecretStr(text)
