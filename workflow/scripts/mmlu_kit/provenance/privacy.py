"""Removes what no result may contain: names of users and hosts, folders outside the project, tokens."""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

_TOKENS = (
    (re.compile(r"\bhf_\w{6,}"), "<token>"),
    (re.compile(r"(?i)((?:token|password|passwd|secret|api_?key)\s*[=:]\s*)[^\s'\"]+"), r"\1<hidden>"),
    (re.compile(r"(?<=://)[^\s/@'\"]+@"), ""),
    # An e-mail address, but not the name of a file of this kit like demo-small@local.json.
    (re.compile(r"\b[\w.+-]+@(?:[\w-]+\.)+(?!jsonl?\b|log\b)[a-z]{2,}\b"), "<address>"),
)
# A path that leaves the project, by '/', '~' or '..'; what follows '://' is a URL, not a path.
_PATH = re.compile(r"(?<![\w.…/~-])(?:~[\w.-]*|\.\.)?/(?!/)[^\s'\",:;=|&<>]*")
# An argument that is JSON, as the shell quotes it.
_JSON = re.compile(r"""(--\w+ )'\{(?:[^']|'"'"')*\}'""")
_SYSTEM_FOLDERS = ("/dev/", "/usr/", "/bin/")


def clean(text: str, project: PurePath, folders: Mapping[str, str] = MappingProxyType({}), names: Iterable[str] = ()) -> str:
    """Return a command line without personal data.

    Paths below `project` become relative to it, other paths are shortened to their base names, and tokens, passwords and e-mail
    addresses are removed. `folders` maps known folders, whose names may contain spaces, to their replacements. `names` of users
    and hosts become `<name>`.
    """
    for pattern, replacement in _TOKENS:
        text = pattern.sub(replacement, text)
    text = text.replace("file:///", "/")
    text = re.sub(rf"{re.escape(str(project))}(?:/|(?![\w.-]))", lambda match: "" if match[0].endswith("/") else ".", text)
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, folders[folder])
    text = _PATH.sub(lambda match: match[0] if match[0].startswith(_SYSTEM_FOLDERS) else _base_name(match[0]), text)
    for name in filter(None, names):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "<name>", text)
    return text


def command(arguments: Iterable[str], project: PurePath, home: PurePath, names: Iterable[str]) -> str:
    """Return a user's command line, cleaned, with the program's base name."""
    program, *rest = arguments
    folders = {str(home): "~"} if len(home.parts) > 1 else {}
    cleaned = [clean(shorten(argument, project), project, folders, names) for argument in rest]
    return shlex.join([PurePath(program).name, *cleaned])


def job_command(text: str, project: PurePath, folders: Mapping[str, str]) -> str:
    """Return a job's command line, cleaned. The study as JSON is long and also in merged.json, so it is replaced."""
    return clean(_JSON.sub(r"\1'<the study>'", text), project, folders)


def outside_project(folders: Iterable[str], project: PurePath) -> dict[str, str]:
    """Return the replacements, for `clean`, of those folders that are outside `project`."""
    shortened = {folder: shorten(folder, project) for folder in folders}
    return {folder: f"~{name[1:]}" for folder, name in shortened.items() if name.startswith("…/")}


def shorten(value: Any, project: PurePath) -> Any:
    """Return a copy of plain data with absolute paths made relative to `project`, and others shortened to their base names.

    Relative paths that leave the project, by '..', are shortened too.
    """
    if isinstance(value, dict):
        return {key: shorten(item, project) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten(item, project) for item in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        path = PurePath(value)
        return str(path.relative_to(project)) if path.is_relative_to(project) else _base_name(value)
    if isinstance(value, str) and value.startswith("../"):
        return _base_name(value)
    return value


def _base_name(path: str) -> str:
    return f"…/{PurePath(path).name}"
