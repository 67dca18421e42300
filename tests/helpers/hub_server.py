"""A fake Hugging Face hub on the loopback, with enough of the HTTP interface for the real client.

It serves repositories at one commit each, can ask for a token, fail, ask for patience, hang up in the middle of a file or
send wrong bytes, and notes every request so that tests can tell what was fetched and what was not.
"""

import hashlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from huggingface_hub.utils.sha import git_hash

_TREE = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)/tree/([^/?]+)")
_INFO = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/revision/([^?]+)|/auth-check)?\Z")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """A folder served as a repository; `token` makes it gated, `names` are branches and tags, `facts` what its info has too."""

    folder: Path
    commit: str
    token: str | None = None
    names: tuple[str, ...] = ("main",)
    facts: dict[str, object] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Content by path within the repository."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}


@dataclass
class Hub:
    """The server's repositories, faults and log of requests.

    `cuts` weight files end halfway, `spoiled` ones arrive with a wrong byte, `busy` requests are answered 429; `broken`
    answers 500 to all, `login_page` a page of HTML, and `refusal` a status and headers. `fault` gets the handler and the path
    of each request and tells whether it has answered it.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, range
    cuts: int = 0
    spoiled: int = 0
    busy: int = 0
    broken: bool = False
    login_page: bool = False
    refusal: tuple[int, dict[str, str]] | None = None
    fault: Callable[["_Handler", str], bool] | None = None
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path = unquote(self.path.partition("?")[0])
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        if self.hub.fault and self.hub.fault(self, path):
            return None
        tree, file, info = _TREE.match(path), _FILE.match(path), _INFO.match(path)
        if self.hub.broken:
            return self.send(500, b"broken")
        if self.hub.refusal:
            return self.send(self.hub.refusal[0], b"", self.hub.refusal[1])
        if self.hub.busy:
            self.hub.busy -= 1
            return self.send(429, b"", {"Retry-After": "0"})
        if self.hub.login_page:
            return self.send(200, b"<html>Welcome to our hotel</html>")
        if info:
            key, revision, name = f"{info[1]}/{info[2]}", info[3], None
        elif tree:
            key, revision, name = f"{tree[1]}/{tree[2]}", tree[3], None
        elif file:
            key, revision, name = f"{'datasets' if file[1] else 'models'}/{file[2]}", file[3], file[4]
        else:
            return self.send(404, b"what?")
        repository = self.hub.repositories.get(key)
        if repository is None:
            # The hub hides what is private: without a token an unknown repository is 401, not 404.
            return self.send(401, b"", {"X-Error-Code": "RepoNotFound"})
        if revision not in (repository.commit, None, *(repository.names if info else ())):
            return self.send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        content = repository.files()
        if info and not path.endswith("/auth-check"):
            return self.send(200, json.dumps(_info(key, repository, content)).encode())
        if tree:
            return self.send(200, json.dumps([_entry(path, data) for path, data in content.items()]).encode())
        if repository.token:  # a gated repository lists its files to everyone and gives them to those with access
            given = self.headers.get("Authorization")
            if given != f"Bearer {repository.token}":
                return self.send(403 if given else 401, b"", {"X-Error-Code": "GatedRepo"})
        if name is None:  # whether there is access
            return self.send(200, b"OK")
        return self._send_file(name, content[name], repository.commit, with_body)

    def _send_file(self, name: str, data: bytes, commit: str, with_body: bool) -> None:
        headers = {"X-Repo-Commit": commit, "ETag": f'"{_etag(name, data)}"', "Accept-Ranges": "bytes"}
        start = int(re.match(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if with_body and self.hub.spoiled and name.endswith(".safetensors"):
            self.hub.spoiled -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        if with_body and self.hub.cuts and name.endswith(".safetensors"):
            self.hub.cuts -= 1
            self.send(206 if start else 200, data[start : len(data) // 2], headers, len(data) - start)
            self.close_connection = True
            return None
        return self.send(206 if start else 200, data[start:] if with_body else b"", headers, len(data) - start)

    def send(self, status: int, body: bytes, headers: dict | None = None, length: int | None = None) -> None:
        """Answer with a status, a body and headers; `length` is what is announced, by default the body's."""
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def _etag(name: str, data: bytes) -> str:
    """Return a file's ETag: the SHA-256 of a large file (Git LFS), git's SHA-1 of others."""
    if name.endswith((".safetensors", ".parquet", ".bin")):
        return hashlib.sha256(data).hexdigest()
    return git_hash(data)


def _entry(path: str, data: bytes) -> dict:
    entry = {"type": "file", "path": path, "size": len(data), "oid": git_hash(data)}
    if len(etag := _etag(path, data)) == 64:
        entry["lfs"] = {"oid": etag, "size": len(data), "pointerSize": 134}
    return entry


def _info(key: str, repository: Repository, content: dict[str, bytes]) -> dict:
    """Return what the hub tells of a repository with the sizes of its files; of a model also its number of parameters."""
    siblings = [{"rfilename": path, "size": len(data), "blobId": git_hash(data)} for path, data in content.items()]
    info = {"id": key.partition("/")[2], "sha": repository.commit, "siblings": siblings}
    info["gated"] = "manual" if repository.token else False
    weights = [data for path, data in content.items() if path.endswith(".safetensors")]
    if weights:
        headers = [json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]) for data in weights]
        shapes = [tensor["shape"] for header in headers for name, tensor in header.items() if name != "__metadata__"]
        total = sum(map(math.prod, shapes))
        info["safetensors"] = {"parameters": {"F32": total}, "total": total}
    return info | repository.facts


@contextmanager
def serving() -> Iterator[Hub]:
    """Start a hub on a free loopback port; set HF_ENDPOINT to its `address`."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # clients that hang up are no fault
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
