"""Config files that are damaged, of another form, or far too large."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import mmlu_kit.cli.status  # noqa: F401  imported here once, and not in the process of each row

from tests.hostile.inputs import Hostile

STATUS = ["mmlu-kit", "status", "--study", "smoke"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def named(text: str | bytes) -> Callable[[Path], list[str]]:
    """A file that --configfile names."""

    def make(folder: Path) -> list[str]:
        (folder / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return [*STATUS, "--configfile", "mine.yaml"]

    return make


def beside(text: str | bytes) -> Callable[[Path], list[str]]:
    """A config.yaml in the working directory."""

    def make(folder: Path) -> list[str]:
        (folder / "config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return STATUS

    return make


def bomb(value: str) -> str:
    """Twenty values, each of which names the one before ten times; `value` is the form of one, with its names in {}."""
    lines = ["a: &a {x: 1}"]
    for before, name in itertools.pairwise(LETTERS[:20]):
        lines.append(f"{name}: &{name} " + value.format(*[f"*{before}"] * 10))
    return "\n".join(lines)


NAMES = ", ".join(["{}"] * 10)
BOMBS = {
    "of lists": bomb(f"[{NAMES}]"),
    "of mappings": bomb("{{1: {}, 2: {}, 3: {}, 4: {}, 5: {}, 6: {}, 7: {}, 8: {}, 9: {}, 0: {}}}"),
    "of merge keys": bomb(f"{{{{<<: [{NAMES}]}}}}"),
}
TEXT = "title: é\n"
FORMS: dict[str, tuple[str | bytes, str | None]] = {
    "nothing": ("", "has no keys"),
    "only a comment": ("# study: smoke\n", "has no keys"),
    "a list": ("- study", "has no keys"),
    "a scalar": ("study", "has no keys"),
    "null": ("null", "has no keys"),
    "a number": ("3.5", "has no keys"),
    "a JSON list": ("[1]", "has no keys"),
    "a UTF-8 mark": (b"\xef\xbb\xbfrecord_host: false", None),
    "JSON with a UTF-8 mark": (b'\xef\xbb\xbf{"record_host": false}', None),
    "Windows line ends": ("record_host: false\r\npartial: false\r\n", None),
    "a NUL byte": ("study: smoke\0", "is not UTF-8 text (byte 12 is NUL)"),
    "many NUL bytes": (b"\0" * 4096, "is not UTF-8 text (byte 0 is NUL)"),
    "Latin-1": (TEXT.encode("latin-1"), "is not UTF-8 text (byte 7)"),
    "UTF-16": (TEXT.encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
    "UTF-16, big-endian, with its mark": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "is UTF-16 text: save it as UTF-8"),
    "UTF-16 without its mark": ("study: smoke".encode("utf-16-le"), "is not UTF-8 text (byte 1 is NUL)"),
    "UTF-32": (TEXT.encode("utf-32"), "is UTF-16 text: save it as UTF-8"),
    "an escape sequence": ("title: \x1b[2J", "is not valid YAML"),
    "a program's bytes": (b"\x7fELF\x02\x01\x01\0", "is not UTF-8 text (byte 7 is NUL)"),
    "a compressed file": (b"\x1f\x8b\x08\x00\xff", "is not UTF-8 text"),
    "tabs": ("studies:\n\tsmoke: {}", "is not valid YAML"),
    "JSON with tabs": ('{\t"record_host": false}', None),
    "an open bracket": ("study: [", "is not valid YAML"),
    "an open quotation mark": ('study: "smoke', "is not valid YAML"),
    "two documents": ("study: smoke\n---\nstudy: demo", "expected a single document"),
    "a document's end": ("study: smoke\n...\n", None),
    "text after a document's end": ("study: smoke\n...\ndemo", "is not valid YAML"),
    "YAML of another version": ("%YAML 9.9\n---\nstudy: smoke", "is not valid YAML"),
    "a duplicate key": ("study: a\nstudy: b", "the key 'study' is in line 1 and again in line 2"),
    "a duplicate key in JSON": ('{"study": "a", "study": "b"}', "the key 'study' is there twice"),
    "a key that is a list": ("? [a, b]\n: c", "the key in line 1 is a list or a mapping: write a text"),
    "a key that is a mapping": ("{a: 1}: 2", "the key in line 1 is a list or a mapping: write a text"),
    "a key that is a number": ("models: {1: {path: x}}", "YAML reads the key 1 as a number"),
    "a key that is a boolean": ("studies: {on: {}}", "YAML reads one of the keys here as the boolean true"),
    "a key that is null": ("models: {~: {path: x}}", "the key None is not text"),
    "a key that is a date": ("studies: {2026-01-01: {}}", "the key 2026-01-01 is not text: write it in quotes"),
    "a date as a title": ("studies: {smoke: {title: 2026-01-01}}", None),
    "an impossible date": ("studies: {smoke: {title: 2026-02-30}}", "is not valid YAML"),
    "a set": ("studies: {smoke: {subjects: !!set {a, b}}}", "studies.smoke.subjects"),
    "an ordered mapping": ("studies: !!omap [a: 1]", "studies"),
    "NaN": ("models: {demo-small: {threads: .nan}}", "models.demo-small.threads"),
    "NaN in JSON": ('{"models": {"demo-small": {"threads": NaN}}}', "models.demo-small.threads"),
    "infinity": ("models: {demo-small: {threads: 1e999}}", "models.demo-small.threads"),
    "an octal number": ("models: {demo-small: {threads: 08}}", "models.demo-small.threads"),
    "a number of a million digits": (f"seed: {'9' * 10**5}", "the number in line 1 has more than 100 digits"),
    "a long hexadecimal number": (f"seed: 0x{'f' * 10**5}", "the number in line 1 has more than 100 digits"),
    "a long number with colons": (f"seed: 1{':1' * 10**5}", "the number in line 1 has more than 100 digits"),
    "a long fraction with colons": (f"seed: 1{':1' * 10**5}.0", "the number in line 1 has more than 100 digits"),
    "half of a character": ('studies: {smoke: {title: "\\ud800"}}', "the text in line 1 has half of a character"),
    "half of a character in JSON": ('{"studies": {"smoke": {"title": "\\ud800"}}}', "has half of a character"),
    "a Python object": ("study: !!python/object/apply:os.system [id]", "is not valid YAML"),
    "a Python name": ("study: !!python/name:os.system x", "is not valid YAML"),
    "an unknown tag": ("study: !vault x", "is not valid YAML"),
    **{f"an impossible {tag}": (f"study: !!{tag} '?'", "is not valid YAML") for tag in ("bool", "int", "float", "timestamp")},
    "an alias of nothing": ("study: *smoke", "found undefined alias"),
    "an anchor that contains itself": ("models: &a {b: *a}", "has an alias (*name) of itself"),
    "a list that contains itself": ("only: &a [*a]", "has an alias (*name) of itself"),
    "a mapping that merges itself": ("models: &a {<<: *a}", "has an alias (*name) of itself"),
    "a merge key of a text": ("models: {<<: x}", "is not valid YAML"),
    **{f"a bomb of aliases, {kind}": (text, "an alias, *name, repeats all of its values") for kind, text in BOMBS.items()},
    "a bomb of aliases in a key": (bomb(f"[{NAMES}]") + "\n? *t\n: 1", "is a list or a mapping: write a text"),
    "a bomb of aliases in JSON's form": ("{" + ", ".join(BOMBS["of lists"].split("\n")) + "}", "an alias, *name, repeats"),
    "brackets": ("[" * 10**5, "is not valid YAML"),
    "brackets in a list": ("only: " + "[" * 10**5, "is not valid YAML"),
    "braces": ("{a: " * 10**5, "is not valid YAML"),
    "JSON brackets": ('{"only": ' + "[" * 10**5 + "]" * 10**5 + "}", "is not valid YAML"),
    "indents": ("\n".join(" " * depth + "a:" for depth in range(1000)), "is not valid YAML"),
    "moderate nesting": ("only: " + "[" * 50 + "]" * 50, "is nested too deeply"),
    "many values": ("only: [" + "1," * 60_000 + "]", "is one of more than 50,000"),
    "many keys in JSON": ("{" + ",".join(f'"{n}":0' for n in range(50_000)) + "}", "'0' is not a key here"),
    "two megabytes": (b"#" * 2_000_000, "has 2,000,000 bytes, more than any such file"),
}


def link(target: str) -> Callable[[Path], list[str]]:
    """A config.yaml that is a link."""

    def make(folder: Path) -> list[str]:
        (folder / "config.yaml").symlink_to(target)
        return STATUS

    return make


def pipe(folder: Path) -> list[str]:
    """A named pipe, into which nobody writes."""
    os.mkfifo(folder / "mine.yaml")
    return [*STATUS, "--configfile", "mine.yaml"]


BESIDE = ("nothing", "a list", "a scalar", "Latin-1", "UTF-16", "a UTF-8 mark", "a bomb of aliases, of mappings", "brackets")
INPUTS = [
    *(Hostile(f"{name} in --configfile", named(text), line) for name, (text, line) in FORMS.items()),
    *(Hostile(f"{name} in config.yaml", beside(FORMS[name][0]), FORMS[name][1]) for name in BESIDE),
    Hostile("a folder as --configfile", lambda folder: [*STATUS, "--configfile", "."], ". is a folder, not a file"),
    Hostile("a named pipe as --configfile", pipe, "mine.yaml is a named pipe, not a file: correct the path"),
    Hostile("no such --configfile", lambda folder: [*STATUS, "--configfile", "no"], "no does not exist"),
    Hostile("a device as --configfile", lambda folder: [*STATUS, "--configfile", "/dev/zero"], "/dev/zero is a device"),
    Hostile(
        "a long name as --configfile", lambda folder: [*STATUS, "--configfile", "n" * 300], "cannot be read (File name too"
    ),
    Hostile(
        "a file as a folder", lambda folder: [*STATUS, "--configfile", "/etc/passwd/x"], "cannot be read (Not a directory)"
    ),
    Hostile("a loop of links as config.yaml", link("config.yaml"), "config.yaml cannot be read (Too many levels"),
    Hostile("a link to nothing as config.yaml", link("nowhere"), "config.yaml is a link to a file that does not exist"),
    Hostile("a device as config.yaml", link("/dev/zero"), "config.yaml is a device, not a file"),
    Hostile("a folder as config.yaml", link("/tmp"), "config.yaml is a folder, not a file"),
]
