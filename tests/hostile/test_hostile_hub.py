"""Hubs that are none, or that are broken or hostile: each ends in one line, soon, and leaves nothing bad in the cache.

The real client runs in this process, against a server on the loopback; only its waits are cut short.
"""

import gzip
import json
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _http
from mmlu_kit import files
from mmlu_kit.inputs import checkpoints, hub, hub_client, repositories
from mmlu_kit.inputs.listings import Listed, git_sha1
from mmlu_kit.inputs.repositories import Listing, Repository
from mmlu_kit.user_errors import UserError

from tests.helpers import hub_server
from tests.helpers.hub_server import serving

MODEL, COMMIT, TOKEN = "tiny/model", "a" * 40, "hf_aSecretThatNobodyElseMaySee"
LOGIN = "what answered is not the hub, but perhaps a network's login page"
PAGE = b"<html>Welcome to our hotel</html>"
SMALL = Path(__file__).parents[2] / "workflow/demo/models/demo-small"


SLOW = {"an endless trickle", "a trickle", "silence", "slow headers"}


@pytest.fixture
def server(request, tmp_path, monkeypatch):
    """A hub that serves one model, and a client with an empty cache, which has little patience if the fault is to be slow."""
    callspec = getattr(request.node, "callspec", None)
    slow = callspec is not None and callspec.params.get("name") in SLOW
    with serving() as server:
        shutil.copytree(SMALL, tmp_path / "served")
        server.repositories[f"models/{MODEL}"] = hub_server.Repository(tmp_path / "served", COMMIT)
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.4 if slow else 10)
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2 if slow else 10)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub_client, "_LEAST_BYTES_S", 1000)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        for module in (_http, file_download):
            monkeypatch.setattr(module.time, "sleep", lambda _: None)
        huggingface_hub.close_session()
        yield server
        server.fault = None
        huggingface_hub.close_session()


def line(capfd):
    """The one line in which fetching the model ends."""
    start = time.monotonic()
    with pytest.raises(UserError) as error:
        hub.fetch_model(MODEL, COMMIT)
    assert time.monotonic() - start < 30
    text = str(error.value)
    assert text.startswith(f"model {MODEL} at aaaaaaaaaaaa") and text.isprintable() and TOKEN not in text
    streams = capfd.readouterr()
    assert "Traceback" not in streams.err and TOKEN not in streams.out + streams.err
    return text


def fetched():
    """The model's manifest, fetched from a hub that is right again."""
    return checkpoints.describe(hub.fetch_model(MODEL, COMMIT), MODEL, COMMIT).files


def right():
    return checkpoints.describe(SMALL).files


def answer(part, status, body, headers=None, length=None, method=None):
    """A fault: requests whose path has this part are answered so."""

    def fault(handler, path):
        if part not in path or method not in (None, handler.command):
            return False
        handler.send(status, body, headers, length)
        return True

    return fault


def listing(change):
    """A fault: the list of files is changed before it is sent."""

    def fault(handler, path):
        if "/tree/" not in path:
            return False
        (repository,) = handler.hub.repositories.values()
        entries = [hub_server._entry(name, data) for name, data in repository.files().items()]
        handler.send(200, json.dumps(change(entries)).encode())
        return True

    return fault


def with_file(**fields):
    return listing(lambda entries: [*entries, {"type": "file", "path": "a", "size": 1, "oid": "0" * 40, **fields}])


def without(name):
    return listing(lambda entries: [{key: value for key, value in entry.items() if key != name} for entry in entries])


def bodies(write, part="/tree/"):
    """A fault: the body is written piece by piece, without an end."""

    def fault(handler, path):
        if part not in path or handler.command == "HEAD":
            return False
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with suppress(OSError):
            write(handler)
        handler.close_connection = True
        return True

    return fault


def endless(handler):
    while True:
        handler.wfile.write(b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20)))


REAL_SLEEP = time.sleep


def trickle(handler):
    for _ in range(100):
        handler.wfile.write(b"1\r\n \r\n")
        REAL_SLEEP(0.1)


def silence(handler):
    REAL_SLEEP(0.8)  # longer than the client waits


def slow_headers(handler, path):
    if "/tree/" not in path:
        return False
    with suppress(OSError):
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100:
            handler.connection.sendall(bytes([letter]))
            REAL_SLEEP(0.1)
    handler.close_connection = True
    return True


MANY = json.dumps([{"type": "file", "path": str(number), "size": 1, "oid": ""} for number in range(100_001)]).encode()
NO_FILE = "which is no file of a repository"
TREES = {
    "a login page": (answer("/tree/", 200, PAGE), LOGIN),
    "a login page for everything": (answer("", 200, PAGE), LOGIN),
    "an empty answer": (answer("/tree/", 200, b""), LOGIN),
    "null": (answer("/tree/", 200, b"null"), "is not understood"),
    "a number": (answer("/tree/", 200, b"3"), "is not understood"),
    "numbers": (answer("/tree/", 200, b"[3]"), "is not understood"),
    "lists": (answer("/tree/", 200, b"[[]]"), "is not understood"),
    "an object": (answer("/tree/", 200, b'{"error": "no"}'), "is not understood"),
    "an empty entry": (answer("/tree/", 200, b"[{}]"), "is not understood"),
    "nested too deeply": (answer("/tree/", 200, b"[" * 100_000), "is not understood"),
    "not UTF-8": (answer("/tree/", 200, b'["\xff\xff"]'), "is not"),
    "an empty list": (answer("/tree/", 200, b"[]"), "config.json is missing"),
    **{
        f"a file named {path!r}": (with_file(path=path), NO_FILE)
        for path in ("../a", "/etc/passwd", "a/../../b", "", ".", "a//b", "a\0b", "a\\b", "x" * 300, "a/" * 600 + "a", "\ud800",
                     3, None, ["a"], {})
    },
    **{
        f"a size of {size!r}": (with_file(size=size), "has the size")
        for size in (-1, 10**30, "1", 1.5, None, True, [], {})
    },
    "a name twice": (with_file(path="config.json"), "the list names config.json twice"),
    "names in two cases": (with_file(path="CONFIG.json"), "CONFIG.json and config.json differ only in case"),
    "too many files": (answer("/tree/", 200, MANY), "more than 100,000"),
    "a large object without fields": (with_file(lfs={}), "is not understood"),
    "a large object of a number": (with_file(lfs=3), "is not understood"),
    "a terabyte": (with_file(path="tokenizer.model", size=10**12), "GB are to be fetched, and the disk of"),
    "a large object of ten petabytes": (
        with_file(path="tokenizer.model", lfs={"oid": "0" * 64, "size": 10**16, "pointerSize": 1}), "GB free: free some space"
    ),
    "compressed": (
        answer("/tree/", 200, gzip.compress(b"[" + b" " * 10**8), {"Content-Encoding": "gzip"}), "compressed its answer"
    ),
    "compressed in an unknown way": (answer("/tree/", 200, b"x", {"Content-Encoding": "rot13"}), "compressed its answer"),
    "an announced terabyte": (answer("/tree/", 200, b"[]", length=10**12), "sends more than it announced"),
    "an endless answer": (bodies(endless), "sends more than it announced"),
    "an endless trickle": (bodies(trickle), "the hub sent "),
    "silence": (bodies(silence), "the hub cannot be reached"),
    "slow headers": (slow_headers, "did not answer within"),
    "a circle": (answer("/tree/", 302, b"", {"Location": f"/api/models/{MODEL}/tree/{COMMIT}"}), "TooManyRedirects"),
    "a redirection to a file": (answer("/tree/", 302, b"", {"Location": "file:///etc/passwd"}), "UnsupportedProtocol"),
    "a redirection to nowhere": (answer("/tree/", 302, b"", {"Location": "http://[::1"}), ""),
    "a teapot": (answer("/tree/", 418, PAGE), "HTTP 418"),
    "busy for ever": (answer("/tree/", 429, PAGE), "HTTP 429"),
    "busy for a year": (answer("/tree/", 429, PAGE, {"Retry-After": "31536000"}), "asks to wait for more than 300 s"),
    "busy for a superscript": (answer("/tree/", 429, PAGE, {"Retry-After": "9" * 5000}), "asks to wait for more than 300 s"),
    "a limit of a year": (answer("/tree/", 429, PAGE, {"RateLimit": '"api";r=0;t=31536000'}), "asks to wait for more than"),
    "broken": (answer("/tree/", 500, PAGE), "HTTP 500"),
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_a_list_of_files_that_no_hub_sends(server, capfd, name):
    server.fault, words = TREES[name]
    assert words in line(capfd)
    server.fault = None
    assert fetched() == right(), "something bad stayed in the cache"


WEIGHTS = "/model.safetensors"
FILES = {
    "a login page": (answer(WEIGHTS, 200, PAGE), LOGIN),
    "a login page behind good headers": (answer(WEIGHTS, 200, PAGE, method="GET"), "a file arrived incomplete"),
    "an empty file": (answer(WEIGHTS, 200, b"", {"X-Repo-Commit": COMMIT, "ETag": '"x"'}), "the hash that the hub announced"),
    "an announced terabyte": (
        answer(WEIGHTS, 200, b"", {"X-Repo-Commit": COMMIT, "ETag": '"x"', "X-Linked-Size": str(10**12)}),
        "sends more",
    ),
    "a negative size": (
        answer(WEIGHTS, 200, b"", {"X-Repo-Commit": COMMIT, "ETag": '"x"', "X-Linked-Size": "-1"}),
        "size that is no number",
    ),
    "a size in words": (
        answer(WEIGHTS, 200, b"", {"X-Repo-Commit": COMMIT, "ETag": '"x"', "X-Linked-Size": "big"}),
        "size that is no number",
    ),
    "a hash that names another file": (answer(WEIGHTS, 200, b"", {"X-Repo-Commit": COMMIT, "ETag": '"../../../../x"'}), ""),
    "more than announced": (bodies(endless, WEIGHTS), "sends more than it announced"),
    "a trickle": (bodies(trickle, WEIGHTS), "the hub sent "),
    "silence": (bodies(silence, WEIGHTS), "the connection broke (ReadTimeout)"),
    "compressed": (answer(WEIGHTS, 200, gzip.compress(bytes(10**7)), {"Content-Encoding": "gzip"}, method="GET"), "compressed"),
    "a circle": (answer(WEIGHTS, 302, b"", {"Location": f"/{MODEL}/resolve/{COMMIT}{WEIGHTS}"}), "TooManyRedirects"),
    "a teapot": (answer(WEIGHTS, 418, PAGE), "HTTP 418"),
    "busy for a year": (answer(WEIGHTS, 429, PAGE, {"Retry-After": "31536000"}), "asks to wait for more than 300 s"),
    "broken": (answer(WEIGHTS, 500, PAGE), "HTTP 500"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_no_hub_sends(server, capfd, tmp_path, name):
    server.fault, words = FILES[name]
    assert words in line(capfd)
    assert not list((tmp_path / "cache").rglob("*.incomplete"))
    server.fault = None
    assert fetched() == right(), "something bad stayed in the cache"


def mirrored(monkeypatch, etag='"v1-%s"'):
    """Make the hub announce ETags that are no hashes, as mirrors do."""
    monkeypatch.setattr(hub_server, "_etag", lambda name, data, real=hub_server._etag: real(name, data))
    send_file = hub_server._Handler._send_file

    def send(handler, name, *rest):
        real = handler.send_header
        handler.send_header = lambda key, value: real(key, etag % name.replace("/", "-") if key == "ETag" else value)
        try:
            send_file(handler, name, *rest)
        finally:
            del handler.send_header

    monkeypatch.setattr(hub_server._Handler, "_send_file", send)


@pytest.mark.parametrize("fault", [None, without("lfs")])
def test_a_spoiled_weight_from_a_mirror_is_refused_by_the_lists_hash(server, capfd, monkeypatch, fault):
    mirrored(monkeypatch)
    server.fault, server.spoiled = fault, 1
    assert "model.safetensors does not have the hash that the hub announced: run again" in line(capfd)
    assert fetched() == right()


def test_a_large_file_whose_pointer_alone_is_listed_is_checked_by_it(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"weights")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{files.file_sha256(path)}\nsize 7\n"
    (tmp_path / "pointer").write_text(pointer)
    listed = Listed(7, None, git_sha1(tmp_path / "pointer"))
    assert listed.matches(path) is True
    path.write_bytes(b"Weights")
    assert listed.matches(path) is False


def test_a_file_without_any_hash_is_named(server, monkeypatch, capfd):
    mirrored(monkeypatch)
    server.fault = listing(lambda entries: [{**entry, "oid": "", "lfs": None} for entry in entries])
    assert fetched() == right()
    assert "the hub announced no hash of model.safetensors, so it was not checked" in capfd.readouterr().out


def test_a_cached_file_from_a_mirror_that_was_damaged_later_is_refused(server, monkeypatch, capfd):
    mirrored(monkeypatch)
    folder = hub.fetch_model(MODEL, COMMIT)
    weights = (folder / "model.safetensors").resolve()
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "does not have the hash that the hub announced" in line(capfd)


@pytest.mark.parametrize("part", ["/tree/", WEIGHTS])
def test_the_token_goes_to_no_other_host(server, part):
    """Neither by a redirection, nor by the address of a list's next page."""
    tokens = []
    with serving() as other:
        other.fault = lambda handler, path: tokens.append(handler.headers.get("Authorization")) or False
        other.repositories = server.repositories
        other_address = other.address.replace("127.0.0.1", "localhost")

        def fault(handler, path):
            if part not in path:
                return False
            handler.send(307, b"", {"Location": other_address + handler.path, "X-Repo-Commit": COMMIT, "ETag": '"x"'})
            return True

        server.fault = fault
        assert fetched() == right()
        assert tokens and not any(tokens)

        def next_page(handler, path):
            if "/tree/" not in path:
                return False
            handler.send(200, b"[]", {"Link": f'<{other_address}{handler.path}>; rel="next"'})
            return True

        server.fault = next_page
        assert fetched() == right()
        assert not any(tokens)


def test_a_list_whose_pages_have_no_end(server, capfd, monkeypatch):
    monkeypatch.setattr(hub_client, "_MOST_PAGES", 5)

    def fault(handler, path):
        if "/tree/" not in path:
            return False
        handler.send(200, b"[]", {"Link": f'<{server.address}{handler.path}0>; rel="next"'})
        return True

    server.fault = fault
    assert "the hub's list of files has more than 5 pages: correct HF_ENDPOINT" in line(capfd)


INFOS = {
    "a login page": (PAGE, LOGIN),
    "null": (b"null", "is not understood"),
    "a list": (b"[]", "is not understood"),
    "siblings that are numbers": (b'{"id": "a/b", "siblings": [3]}', "is not understood"),
    "a name outside": (b'{"id": "a/b", "gated": false, "siblings": [{"rfilename": "../a", "size": 1}]}', NO_FILE),
    "a negative size": (b'{"id": "a/b", "gated": false, "siblings": [{"rfilename": "a", "size": -1}]}', "has the size -1"),
    "a size in words": (b'{"id": "a/b", "gated": false, "siblings": [{"rfilename": "a", "size": "1"}]}', "has the size 1"),
    "nested too deeply": (b"[" * 100_000, "is not understood"),
}


@pytest.mark.parametrize("name", INFOS)
def test_an_answer_to_a_check_that_no_hub_gives(server, name):
    body, words = INFOS[name]
    server.fault = answer("/revision/", 200, body)
    repository = Repository("model", MODEL, COMMIT)
    result = repositories.ask([repository])[repository]
    assert not isinstance(result, Listing) and words in str(result)


ADDRESSES = (
    *("http://[::1", "http://[", "http://a:b:c", "http://x:99999999", "hub.example.org", "ftp://hub", "http://", "//", "x y"),
    *("http://user:secret@127.0.0.1:9", "https://:secret@hub", "https://user@hub", "file:///etc", "http://hub?a=secret"),
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none_or_holds_a_password(monkeypatch, address):
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(UserError) as error:
        hub.fetch_model(MODEL, COMMIT)
    text = str(error.value)
    assert re.search("HF_ENDPOINT (is no address of a hub|holds a user's name or password)", text) and "secret" not in text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://[::1", "is no address of a hub"),
        ("http://[v1.]", "is no address of a hub"),
        ("http://127.0.0.1:99999", "is no address of a hub"),
        ("http://127.0.0.1:x", "is no address of a hub"),
        ("http://user:secret@127.0.0.1:x", "is no address of a hub"),
        ("http://user:secret@[::1", "is no address of a hub"),
        ("http://user:secret@127.0.0.1:9", "holds a user's name or password"),
    ],
)
def test_an_address_that_cannot_be_parsed_stops_no_import(run, tmp_path, address, words):
    env = {**os.environ, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
    source = ["--source", json.dumps({"repository": MODEL, "commit": COMMIT}), "--output", tmp_path / "model.json"]
    process = run("fetch_model.py", *source, env=env)
    assert process.returncode == 2 and process.stderr.count("\n") == 1
    assert f"HF_ENDPOINT {words}" in process.stderr and "secret" not in process.stdout + process.stderr
    assert run("evaluate.py", "--help", env=env).returncode == 0


@pytest.mark.parametrize("proxy", ["http://user:secret", "nonsense://user:secret@proxy", "http://user:secret@[::1"])
def test_a_proxys_password_is_not_shown(run, tmp_path, proxy):
    env = {**os.environ, "HTTPS_PROXY": proxy, "HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(tmp_path)}
    source = ["--source", json.dumps({"repository": MODEL, "commit": COMMIT}), "--output", tmp_path / "model.json"]
    process = run("fetch_model.py", *source, env=env)
    assert process.returncode == 2 and process.stderr.count("\n") == 1
    assert "HTTPS_PROXY" in process.stderr and "secret" not in process.stdout + process.stderr


@pytest.mark.parametrize(
    "text", ["[]", "3", '{"format_version": 1, "files": {"a": {"size": "x", "blob_id": 3}}}', '{"files": 3}']
)
def test_a_damaged_list_in_the_cache_is_fetched_again(server, text):
    folder = Path(constants.HF_HUB_CACHE, "models--tiny--model/trees")
    folder.mkdir(parents=True)
    (folder / f"{COMMIT}.json").write_text(text)
    assert repositories.cached_listing(Repository("model", MODEL, COMMIT)) is None
    assert fetched() == right()
