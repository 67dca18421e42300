"""What no result may hold: names of users and hosts, folders outside the project, tokens."""

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
    # An address, and no name of ours like demo-small@local.json.
    (re.compile(r"\b[\w.+-]+@(?:[\w-]+\.)+(?!jsonl?\b|log\b)[a-z]{2,}\b"), "<address>"),
)
# A path that leaves the project, by '/', '~' or '..'; what follows '://' is an address and no path.
_PATH = re.compile(r"(?<![\w.…/~-])(?:~[\w.-]*|\.\.)?/(?!/)[^\s'\",:;=|&<>]*")
# An argument that is JSON, as the shell quotes it.
_JSON = re.compile(r"""(--\w+ )'\{(?:[^']|'"'"')*\}'""")
_OF_THE_SYSTEM = ("/dev/", "/usr/", "/bin/")


def cleaned(text: str, project: PurePath, folders: Mapping[str, str] = MappingProxyType({}), names: Iterable[str] = ()) -> str:
    """A command line without anything personal: paths below `project` relative to it, of every other path the last name,
    no tokens, passwords or addresses.

    `folders` are known ones, which may have spaces in their names, and what to write instead; `names` of users and hosts
    become `<name>`.
    """
    for pattern, instead in _TOKENS:
        text = pattern.sub(instead, text)
    text = text.replace("file:///", "/")
    text = re.sub(rf"{re.escape(str(project))}(?:/|(?![\w.-]))", lambda found: "" if found[0].endswith("/") else ".", text)
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, folders[folder])
    text = _PATH.sub(lambda found: found[0] if found[0].startswith(_OF_THE_SYSTEM) else _last(found[0]), text)
    for name in filter(None, names):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "<name>", text)
    return text


def command(arguments: Iterable[str], project: PurePath, home: PurePath, names: Iterable[str]) -> str:
    """The command line that a user gave, cleaned; its program by its name alone."""
    program, *rest = arguments
    shown = [cleaned(short(one, project), project, {str(home): "~"} if len(home.parts) > 1 else {}, names) for one in rest]
    return shlex.join([PurePath(program).name, *shown])


def job_command(text: str, project: PurePath, folders: Mapping[str, str]) -> str:
    """A job's command line, cleaned. What it says of the study as JSON stands in merged.json and is long, so it is cut."""
    return cleaned(_JSON.sub(r"\1'<the study>'", text), project, folders)


def outside(folders: Iterable[str], project: PurePath) -> dict[str, str]:
    """Of the paths that config names, those that leave `project`, and what `cleaned` is to write instead."""
    shortened = {folder: short(folder, project) for folder in folders}
    return {folder: f"~{name[1:]}" for folder, name in shortened.items() if name.startswith("…/")}


def short(value: Any, project: PurePath) -> Any:
    """A copy of plain data in which every text that is an absolute path is relative to `project`, or its last name alone."""
    if isinstance(value, dict):
        return {key: short(one, project) for key, one in value.items()}
    if isinstance(value, list):
        return [short(one, project) for one in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        path = PurePath(value)
        return str(path.relative_to(project)) if path.is_relative_to(project) else _last(value)
    return value


def _last(path: str) -> str:
    return f"…/{PurePath(path).name}"
