"""Texts without what no result may contain: tokens and passwords, addresses, and folders outside the project."""

import os
import re
from pathlib import PurePath

HIDDEN = "<hidden>"
# The name of a setting that is secret: HF_TOKEN, AWS_SECRET_ACCESS_KEY, authToken, but not a tokenizer's eos_token.
_SECRET = (
    r"(?:password|passwd|passphrase|secret|credentials?|signature|cookie|authorization"
    r"|(?:api|access|secret|private|account|storage|auth)[_-]?key|(?:access|auth|api|bearer|session|refresh|id)token"
    r"|(?:(?<![a-z])|(?-i:(?<=[a-z])(?=[A-Z])))(?<!eos_)(?<!bos_)(?<!pad_)(?<!unk_)(?<!sep_)(?<!cls_)(?<!mask_)"
    r"(?:token|pwd|sig|auth))(?:[_-]?(?:id|key|access[_-]?key))*"
)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s'\"]+)"
_SECRETS = (
    # What services give out as a token or key.
    (r"(?-i:\b(?:hf_\w{6,}|(?:gh[opsur]_|github_pat_|glpat-|sk-|xox[abprs]-)[\w-]{16,}))", "<token>"),
    (r"(?-i:\b(?:A[KS]IA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?))", "<token>"),
    (r"(\bauthorization[\"']?\s*[=:]\s*[\"']?)(?:(?:bearer|basic|digest|token)\s+)?[^\s'\"]+", rf"\1{HIDDEN}"),
    (r"(\bbearer\s+)(?!<)[\w.~+/=-]{6,}", rf"\1{HIDDEN}"),
    # user:password@ of an address, but not the digest of an image; then whatever follows ? or #.
    (r"(?<=://)(?:[^\s/'\"]{0,500}|[^\s/'\"]{0,500}:[^\s'\"]{0,500})@(?!sha256:)", ""),
    (r"((?<![\w+.-])[a-z][a-z0-9+.-]*://[^\s'\"?#]*)[?#][^\s'\"]+", rf"\1?{HIDDEN}"),
    (rf"({_SECRET}[\"']?\s*[=:]\s*)(?!<hidden>){_VALUE}", rf"\1{HIDDEN}"),
    (rf"((?<!\S)--?(?:[\w-]*[_-])?{_SECRET}\s+)(?![-<]){_VALUE}", rf"\1{HIDDEN}"),
    # A person's address, but not the name of a file of this kit like demo-small@local.json.
    (r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+(?!(?:jsonl?|log|time)\b)[a-z]{2,}\b", "<address>"),
    (r"(?<![\w.+-])[\w.+-]+@(?!sha256:)[\w.-]+(?=:[~/])", "<address>"),
)
_SECRET_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _SECRETS)
_SECRET_OPTION = re.compile(rf"(?i)--?(?:[\w-]*[_-])?{_SECRET}")
_SECRET_SETTING = re.compile(rf"(?is)([\w.=-]*?{_SECRET}=).+")
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
# Not a version: ==1.2.3.4.
_IPV4 = re.compile(rf"(?<![\w.])(?<![=<>]=)(?!127\.0\.0\.1\b|0\.0\.0\.0\b){_OCTET}(?:\.{_OCTET}){{3}}(?!\w|\.\w)")
_GROUP = r"[0-9a-fA-F]{1,4}"
_IPV6 = re.compile(
    rf"(?<![\w:])(?:{_GROUP}(?::{_GROUP}){{7}}|{_GROUP}(?::{_GROUP}){{0,6}}::(?:{_GROUP}(?::{_GROUP}){{0,6}})?)(?![\w:])"
)
# Where a path begins that leaves the project: '/', '~', '..', a drive of Windows or a share, also after an option's letter;
# '://' begins an address.
_START = r"(?:(?<![\w.…/~\\-])|(?<=^-[a-zA-Z])|(?<=[\s='\"]-[a-zA-Z]))"
_BEGIN = (
    rf"{_START}(?:~(?:[a-zA-Z][\w.-]*)?/|(?:\./)*(?:\.\./)+|/(?=[^/\s])|(?<!:)//(?=[\w.-]+/)"
    r"|[a-zA-Z]:[\\/](?!/)|\\\\(?=[^\s\\/]+[\\/]))"
)
_LETTER = r"(?:[^\s'\",:;=|&<>]|(?<=\w)'(?=\w))"
# A space ends a path in a text, unless a folder's name goes on after it; in an argument only another path or option does.
_PATH_IN_TEXT = re.compile(rf"{_BEGIN}(?:{_LETTER}|\ (?={_LETTER}+(?:\ {_LETTER}+)?[/\\]))*")
_PATH_IN_ARGUMENT = re.compile(rf"{_BEGIN}(?:{_LETTER}|\ (?![-/~]))*")
_QUOTED_PATH = re.compile(rf"(?<=['\"])(?={_BEGIN})(?:[^'\"\n]|(?<=\w)'(?=\w))+(?=['\"])")
_LEAVING = re.compile(rf"{_START}[\w.-]+(?:/[\w.-]+)*/\.\./{_LETTER}*")
_HOME_NAME = re.compile(rf"{_START}~[a-zA-Z][\w.-]*(?![\w./-])")
_HOME = re.compile(r"(?i)(?:[a-z]:)?[\\/](?:export[\\/])?(?:home|users)[\\/][^\\/]+[\\/]?")
_SYSTEM_FOLDERS = ("/dev/", "/usr/", "/bin/")


def without_secrets(text: str) -> str:
    """Return a text without tokens, passwords, and addresses of people and machines."""
    for pattern, replacement in _SECRET_PATTERNS:
        text = pattern.sub(replacement, text)
    return _IPV6.sub("<address>", _IPV4.sub("<address>", text))


def in_text(text: str, project: PurePath) -> str:
    """Return a text, such as a library's error, without secrets; paths outside `project` are shortened to their base names."""
    text = _QUOTED_PATH.sub(_shortened, _inside(without_secrets(text), project))
    return _HOME_NAME.sub("…", _LEAVING.sub(_shortened, _PATH_IN_TEXT.sub(_shortened, text)))


def in_argument(argument: str, project: PurePath) -> str:
    """Return one argument of a command as `in_text` does; its paths may have spaces."""
    secret = _SECRET_SETTING.fullmatch(argument)
    if secret:
        return f"{secret[1]}{HIDDEN}"
    text = _PATH_IN_ARGUMENT.sub(_shortened, _inside(without_secrets(argument), project))
    return _HOME_NAME.sub("…", _LEAVING.sub(_shortened, text))


def is_secret_option(argument: str) -> bool:
    """Whether the argument that follows this one is secret: '--token', '--api-key'."""
    return _SECRET_OPTION.fullmatch(argument) is not None


def leaves_project(path: str) -> bool:
    """Whether a text as a whole is a path that is not relative to the project, or leaves it."""
    plain = _plain(path)
    inside = _LEAVING.fullmatch(plain) and not _outside(plain)
    return not inside and any(pattern.match(plain) for pattern in (_PATH_IN_ARGUMENT, _HOME_NAME, _LEAVING))


def base_name(path: str) -> str:
    """Return a path's last name behind '…/', or nothing of somebody's home folder."""
    plain = _plain(path).rstrip("/\\ ")
    somebodys = _HOME.fullmatch(plain) or _HOME_NAME.fullmatch(plain)
    return "…" if somebodys else "…/" + re.split(r"[/\\]", plain)[-1]


def _shortened(match: re.Match[str]) -> str:
    path = match[0]
    stays = path.startswith(_SYSTEM_FOLDERS) or (match.re is _LEAVING and not _outside(path))
    return path if stays else base_name(path) + path[len(path.rstrip(" ")) :]


def _outside(path: str) -> bool:
    return os.path.normpath(path).startswith("..")


def _plain(text: str) -> str:
    """Return file:///x as /x, and what has more slashes than an address, such as sqlite:////x, as sqlite:/x."""
    return re.sub(r"(?<=:)/{3,}", "/", re.sub(r"(?i)\bfile:(?://(?:localhost)?)?(?=/)", "", text))


def _inside(text: str, project: PurePath) -> str:
    """Return a text with paths below the project relative to it; below the root folder is everything."""
    if len(project.parts) < 2:
        return _plain(text)
    below = rf"{re.escape(str(project))}(?:/|(?![\w.-]))"
    return re.sub(below, lambda match: "" if match[0].endswith("/") else ".", _plain(text))
