"""Where values come from: the environment before the file, the file before the defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from cryohalo.configuration.model import ENVIRONMENT_PREFIX, Configuration
from instruments.foreign_files import reason
from instruments.toml_files import read_toml

__all__ = ["FILE_NAME", "FILE_VARIABLE", "ConfigurationError", "Found", "find_file", "read"]

#: Looked for in the folder where a command runs.
FILE_NAME: Final = "cryohalo.toml"
#: Names another file.
FILE_VARIABLE: Final = "CRYOHALO_CONFIG"
_NESTED: Final = "__"


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the message names key, value and limits.

    Attributes:
        mistakes: All of them, each a line of its own.
    """

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True)
class Found:
    """The configuration in force.

    Attributes:
        values: It, with absolute paths.
        file: The file that was read, None where there is none.
        origins: Key (``haloscope.port``) to where its value comes from, for all but defaults.
    """

    values: Configuration
    file: Path | None
    origins: Mapping[str, str]

    def origin(self, key: str) -> str:
        """Where the value of a key comes from: a variable, the file, or ``default``."""
        return self.origins.get(key, "default")

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """Every key with its value."""
        return _leaves(self.values)


class _Toml(TomlConfigSettingsSource):
    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        return read_toml(str(file_path))


def find_file(file: Path | str | None = None) -> Path | None:
    """The file that is read: the one given, the one of ``CRYOHALO_CONFIG``, or the folder's own."""
    named = file or os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named).absolute()
    own = Path(FILE_NAME).absolute()
    return own if own.exists() else None


def read(file: Path | str | None = None) -> Found:
    """Read the configuration.

    Args:
        file: Instead of the file that ``find_file`` would find.

    Raises:
        ConfigurationError: The file cannot be read, or a value cannot be used.
    """
    path = find_file(file)
    in_file, in_environment = _from_file(path), _from_environment()
    origins = dict.fromkeys(_keys(in_file), str(path))
    for key in _keys(in_environment):
        origins[key] = f"{ENVIRONMENT_PREFIX}{key.upper().replace('.', _NESTED)}"
    values = _validated(in_file, in_environment, origins)
    here = Path.cwd()
    bases = dict.fromkeys(_keys(in_environment), here)
    folder = here if path is None else path.parent
    return Found(_rooted(values, "", bases, folder), path, origins)


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        if not path.exists():
            raise OSError(0, "no such file")
        return _Toml(Configuration, toml_file=path)()
    except OSError as error:
        raise ConfigurationError(f"{path}: {reason(error)}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _from_environment() -> dict[str, Any]:
    """The variables ``CRYOHALO_SECTION__KEY`` and those of keys without a section.

    Other variables that begin so, ``CRYOHALO_CONFIG`` for one, are no keys.
    """
    plain = {n for n, f in Configuration.model_fields.items() if not _is_section(f.annotation)}
    names = [n for n in os.environ if n.upper().startswith(ENVIRONMENT_PREFIX)]
    given = {}
    for name in names:
        key = name.upper().removeprefix(ENVIRONMENT_PREFIX).lower()
        section, nested, _ = key.partition(_NESTED)
        if nested and section not in Configuration.model_fields:
            raise ConfigurationError(f"{name}: there is no section {section!r}")
        if nested or key in plain:
            given[name.lower()] = os.environ[name]
    source = EnvSettingsSource(Configuration)
    source.env_vars = given
    try:
        return source()
    except SettingsError as error:
        raise ConfigurationError(f"environment: {error}") from None


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


class _Given(Configuration):
    """Takes what was read, and looks nowhere by itself."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _validated(
    in_file: dict[str, Any], in_environment: dict[str, Any], origins: Mapping[str, str]
) -> Configuration:
    given = _merged(in_file, in_environment)
    if private := [key for key in given if key.startswith("_")]:  # BaseSettings' own arguments
        raise ConfigurationError(f"{private[0]}: there is no such key")
    try:
        return _Given(**given)
    except ValidationError as error:
        raise ConfigurationError(*_told(error, origins)) from None


def _told(error: ValidationError, origins: Mapping[str, str]) -> Iterator[str]:
    for one in error.errors():
        key = ".".join(str(part) for part in one["loc"])
        where = origins.get(key, "")
        if one["type"] == "extra_forbidden":
            text = f"{key}: there is no such key"
        elif isinstance(one["input"], dict | BaseModel):
            text = f"{key}: {one['msg']}" if key else one["msg"]
        else:
            text = f"{key} = {one['input']!r}: {one['msg']}"
        yield f"{where}: {text}" if where else text


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = _merged(below, value)
        merged[key] = value
    return merged


def _keys(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def _leaves(model: BaseModel, above: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _rooted(model: Any, above: str, bases: Mapping[str, Path], folder: Path) -> Any:
    """The same with absolute paths: a file's begin at its folder, a variable's where we are."""
    update: dict[str, Any] = {}
    for name in type(model).model_fields:
        value, key = getattr(model, name), f"{above}{name}"
        if isinstance(value, BaseModel):
            update[name] = _rooted(value, f"{key}.", bases, folder)
        elif isinstance(value, Path):
            update[name] = bases.get(key, folder) / value.expanduser()
    return model.model_copy(update=update)
