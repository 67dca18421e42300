"""Removes what no result may contain: names of users and hosts, folders outside the project, tokens."""

import os
import platform
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from mmlu_kit.private_names import HIDDEN, base_name, in_argument, is_secret_option, leaves_project, without_secrets

# An argument that is JSON, as the shell quotes it.
_JSON = re.compile(r"""(--\w+ )'\{(?:[^']|'"'"')*\}'""")
# A word of a shell's command line, with its quotes.
_WORD = re.compile(r"""(?:[^\s'"\\]|'[^']*'|"(?:[^"\\]|\\.)*"|\\.)+""", re.DOTALL)
# Names of users and hosts that are also words of commands: to hide them would hide nothing, and make a command unreadable.
_ORDINARY = frozenset(
    "root user users admin test tests tester guest runner local localhost home data model models study demo smoke writeup "
    "results result report python snakemake conda cluster login node gpu cuda cpu docker singularity apptainer ubuntu debian "
    "centos work worker build main master dev host server kit mmlu config cores only all none true false auto jobs name".split()
)
_SHORTEST = 3  # letters of a name that is hidden


def clean(text: str, project: PurePath, folders: Mapping[str, str] = MappingProxyType({}), names: Iterable[str] = ()) -> str:
    """Return a command line without personal data.

    Paths below `project` become relative to it, other paths are shortened to their base names, and tokens, passwords and
    addresses are removed. `folders` maps known folders to their replacements. `names` of users and hosts become `<name>`,
    unless they are ordinary words.
    """
    names, parts, end, secret = list(names), [], 0, False
    for word in _WORD.finditer(text):
        value = HIDDEN if secret and not word[0].startswith("-") else _word(word[0], project, folders, names)
        parts += [text[end : word.start()], value]
        end, secret = word.end(), is_secret_option(word[0])
    return without_secrets("".join([*parts, text[end:]]))  # 'Bearer' and its token may be two words


def command(arguments: Iterable[str], project: PurePath, home: PurePath, names: Iterable[str]) -> str:
    """Return a user's command line, cleaned, with the program's base name."""
    program, *rest = arguments
    folders = {str(home): "~"} if len(home.parts) > 1 else {}
    names = list(names)
    cleaned = [_argument(shorten(argument, project), project, folders, names) for argument in _without_values(rest)]
    return shlex.join([PurePath(program).name, *cleaned])


def persons() -> list[str]:
    """Return the names of this process's user and host."""
    return [name for name in (os.getenv("USER"), os.getenv("LOGNAME"), platform.node()) if name]


def job_command(text: str, project: PurePath, folders: Mapping[str, str], names: Iterable[str] = ()) -> str:
    """Return a job's command line, cleaned. The study as JSON is long and also in merged.json, so it is replaced."""
    return clean(_JSON.sub(r"\1'<the study>'", text), project, folders, names)


def outside_project(folders: Iterable[str], project: PurePath) -> dict[str, str]:
    """Return the replacements, for `clean`, of those folders that are outside `project`."""
    names = {folder: shorten(folder, project) for folder in folders}
    return {folder: f"~{name[1:]}" for folder, name in names.items() if name.startswith("…")}


def shorten(value: Any, project: PurePath) -> Any:
    """Return a copy of plain data with absolute paths made relative to `project`, and others shortened to their base names.

    Relative paths that leave the project, by '..', are shortened too.
    """
    if isinstance(value, dict):
        return {key: shorten(item, project) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten(item, project) for item in value]
    if not isinstance(value, str):
        return value
    if PurePath(value).is_absolute() and PurePath(value).is_relative_to(project) and ".." not in PurePath(value).parts:
        return str(PurePath(value).relative_to(project))
    return base_name(value) if leaves_project(value) else value


def _without_values(arguments: Iterable[str]) -> Iterator[str]:
    """Yield arguments with what follows an option such as --token hidden."""
    secret = False
    for argument in arguments:
        yield HIDDEN if secret and not argument.startswith("-") else argument
        secret = is_secret_option(argument)


def _word(word: str, project: PurePath, folders: Mapping[str, str], names: Iterable[str]) -> str:
    """Return a cleaned word of a shell's command line, quoted as it was unless it changed."""
    try:
        plain = "".join(shlex.split(word))
    except ValueError:
        plain = word
    cleaned = _argument(plain, project, folders, names)
    if cleaned != plain:
        return shlex.quote(cleaned)
    return word if {*word} & {*"'\""} else _argument(word, project, folders, names)  # a backslash may be a path's own


def _argument(argument: str, project: PurePath, folders: Mapping[str, str], names: Iterable[str]) -> str:
    for folder in sorted(folders, key=len, reverse=True):
        argument = argument.replace(folder, folders[folder])
    argument = in_argument(argument, project)
    for name in dict.fromkeys(part for whole in names if whole for part in (whole, whole.partition(".")[0])):
        if len(name) >= _SHORTEST and name.lower() not in _ORDINARY:
            # A host's name with its domain; in a path's last name also a part of that name.
            alone = rf"(?<![\w-]){re.escape(name)}(?:(?:\.[\w-]+){{2,}})?(?![\w-])"
            argument = re.sub(rf"(?i){alone}|(?<=…/){re.escape(name)}(?![^\W_])", "<name>", argument)
    return argument
