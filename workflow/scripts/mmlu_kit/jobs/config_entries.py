"""Entries of a config as YAML text, and their addition to a config file, which keeps every byte that it has."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmlu_kit import config_files, files, strict_yaml
from mmlu_kit.jobs.pinning import Pin
from mmlu_kit.user_errors import UserError

_FIRST_LINE = "# Extends the kit's config.yaml: snakemake --configfile FILE, mmlu-kit evaluate --config FILE\n"
_SOURCE = ("path", "repository", "commit", "file", "adapter")
_INDENT = 2

Sections = Mapping[str, Sequence[Pin]]  # by their keys in config: models, questions


def text(pins: Sequence[Pin], indent: int = _INDENT, with_facts: bool = True) -> str:
    """The entries of pinned repositories, `indent` columns from the left; what is known of them are comments."""
    lines: list[str] = []
    for pin in pins:
        lines += yaml.safe_dump({pin.name: pin.entry}, sort_keys=False, allow_unicode=True, width=1 << 20).splitlines()
        lines += [f"{' ' * _INDENT}# {fact}: {value}" for fact, value in pin.facts.items()] if with_facts else []
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def missing(config: Mapping[str, Any], section: str, pins: Sequence[Pin]) -> list[Pin]:
    """Those pins whose entries a config does not have yet; another entry of the same name raises UserError."""
    entries = config.get(section)
    entries = entries if isinstance(entries, dict) else {}
    for pin in pins:
        entry = entries.get(pin.name, pin.entry)
        source = {key: entry[key] for key in _SOURCE if entry.get(key) is not None} if isinstance(entry, dict) else {}
        if source != pin.entry:
            is_other_commit = {**source, "commit": None} == {**pin.entry, "commit": None}
            other = f"at commit {source['commit']}" if is_other_commit else "with another source"
            raise UserError(f"{section}.{pin.name} is in config already, {other}: choose another name with --name")
    return [pin for pin in pins if pin.name not in entries]


def add(path: Path, sections: Sections) -> None:
    """Add pins' entries to a config file, which is made if it is missing; all else in it stays as it is, byte for byte.

    If that is not possible, UserError says so, and nothing is written.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    mode = path.stat().st_mode if path.exists() else None
    before = _FIRST_LINE if mode is None else _content(path)
    expected = read(path)
    for section, pins in sections.items():
        if pins:
            old = expected.get(section)
            expected[section] = {**(old if isinstance(old, dict) else {}), **{pin.name: pin.entry for pin in pins}}
    try:
        after = before
        for section, pins in sections.items():
            after = _with_entries(after, section, pins) if pins else after
        is_as_expected = yaml.load(after, strict_yaml.Loader) == expected
    except (yaml.YAMLError, ValueError):
        is_as_expected = False
    if not is_as_expected:
        raise UserError(f"{path}: its form keeps entries from being added, so nothing was written: add what is printed by hand")
    files.write_text(path, after)
    if mode is not None:
        path.chmod(mode)


def read(path: Path) -> dict[str, Any]:
    """The values of a config file, none if it is missing or has only comments; a malformed one raises UserError."""
    if not path.exists():
        return {}
    lines = _content(path).lstrip("\ufeff").splitlines()
    return config_files.read([path]) if any(line.strip() and not line.lstrip().startswith("#") for line in lines) else {}


def _content(path: Path) -> str:
    """A file's text as it is, with the mark and the line ends that it has."""
    try:
        return files.read_bytes(path, files.MAX_YAML_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None


def _with_entries(content: str, section: str, pins: Sequence[Pin]) -> str:
    """A config file's text with entries at the end of a section, whose lines are not otherwise changed.

    Whether that is what the text means then is for the caller to check.
    """
    events: Iterator[Any] = iter(yaml.parse(content, yaml.SafeLoader))
    root: Any = next((event for event in events if isinstance(event, yaml.NodeEvent)), None)
    column = root.start_mark.column if root else 0
    place, indent, key = len(content), column + _INDENT, f"{' ' * column}{section}:\n"
    for event in events if isinstance(root, yaml.MappingStartEvent) else ():
        if not isinstance(event, yaml.NodeEvent):
            break
        value = next(events)
        end = _end(value, events)
        if isinstance(event, yaml.ScalarEvent) and event.value == section:
            key = ""
            is_block = isinstance(value, yaml.MappingStartEvent) and not value.flow_style
            indent = value.start_mark.column if is_block else indent
            at_start = end == 0 or content[end - 1] == "\n"  # after a text of several lines
            place = end if at_start else (content.find("\n", end) + 1 or len(content))
    start = "\n" if place and content[place - 1] != "\n" else ""
    added = start + key + text(pins, indent, with_facts=False)
    if "\r\n" in content:
        added = added.replace("\n", "\r\n")
    return content[:place] + added + content[place:]


def _end(event: Any, events: Iterator[Any]) -> int:
    """Where a value ends that begins with `event`, without the comments after it; `events` goes on after the value."""
    end, depth = event.end_mark.index, 0
    while True:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        # The end of a block has no characters of its own, and lies where the next value begins.
        if event.end_mark.index > event.start_mark.index or isinstance(event, yaml.ScalarEvent):
            end = event.end_mark.index
        if depth == 0:
            return int(end)
        event = next(events)
