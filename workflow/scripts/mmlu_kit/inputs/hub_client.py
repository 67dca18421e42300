"""The HTTP client for the hub, which anyone may stand in for: a mirror, a proxy or a network's login page.

It gives the token to no other host, and ends an answer that is larger than announced, compressed, too slow, a list without end
or asks for too long a wait. Every such fault raises `BadAnswer`, which huggingface_hub does not retry.
"""

import contextvars
import os
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.utils import _http

from mmlu_kit.hub_address import WITH_PASSWORD
from mmlu_kit.user_errors import UserError, one_line

MOST_LIST_BYTES = 100_000_000  # a list of 100,000 files has about 30 MB
_LEAST_BYTES_S = 100  # a slower answer would not end
_LONGEST_WAIT_S = 300  # the hub's own limits are over after five minutes
_MOST_PAGES = 300  # a list of 100,000 files has 100
# What the client reads when it starts; proxies are named in upper or lower case.
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_most_bytes = MOST_LIST_BYTES
_pages = 0


class BadAnswer(Exception):
    """An answer that no hub gives; the message says what is wrong and what to do."""


def check(where: str) -> None:
    """Raise UserError if variables of the environment keep the hub's client from sending anything."""
    if constants.HF_HUB_OFFLINE:
        return
    try:
        _install()
        huggingface_hub.get_session()
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except (httpx2.InvalidURL, ValueError, OSError) as error:
        variables = _CERTIFICATES if isinstance(error, OSError) else _PROXIES
        names = [name for name in os.environ if name.upper() in variables]
        advice = f"correct or unset {' or '.join(names or variables)}"
        # What is wrong with a proxy's address may quote its password.
        reason = one_line(error) if isinstance(error, OSError) else type(error).__name__
        raise UserError(f"{where}: the hub's client cannot start ({reason}): {advice}") from error


def _install() -> None:
    """Make huggingface_hub use this client; raises UserError if HF_ENDPOINT is no address of a hub."""
    global _pages
    _pages = 0
    try:
        url = httpx2.URL(constants.ENDPOINT)
        is_host = re.fullmatch(r"[\w.:-]+", url.host) and (url.port or 0) < 1 << 16
        valid = url.scheme in ("http", "https") and is_host and not (url.query or url.fragment)
    except (httpx2.InvalidURL, ValueError):
        valid = False
    if constants.ENDPOINT == WITH_PASSWORD or (valid and url.userinfo):
        raise UserError("HF_ENDPOINT holds a user's name or password, which logs would show: leave it out, and use HF_TOKEN")
    if not valid:
        raise UserError("HF_ENDPOINT is no address of a hub, such as https://huggingface.co: correct or unset it")
    if url.host != "huggingface.co":
        constants.HF_HUB_DISABLE_XET = True  # a client of its own, which takes addresses from the hub's answers
    if _http._GLOBAL_CLIENT_FACTORY is not _client:
        huggingface_hub.set_client_factory(_client)


def expect(largest: int) -> None:
    """Set the size in bytes of the largest file that is fetched next; larger answers are ended."""
    global _most_bytes
    _most_bytes = max(largest, MOST_LIST_BYTES)


class _Client(httpx2.Client):  # type: ignore[misc]
    """A client whose requests end in time, however slowly their answers' headers arrive."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request in a thread, which is left behind if there is no answer in time: sockets only limit each read."""
        results: list[httpx2.Response | BaseException] = []

        def run() -> None:
            try:
                results.append(super(_Client, self).send(request, **options))
            except BaseException as error:
                results.append(error)

        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
        thread.start()
        seconds = 6 * constants.HF_HUB_DOWNLOAD_TIMEOUT
        thread.join(seconds)
        if not results:
            raise BadAnswer(f"the hub did not answer within {seconds} s: run again later, or correct HF_ENDPOINT")
        if isinstance(results[0], BaseException):
            raise results[0]
        return results[0]


def _client() -> httpx2.Client:
    hooks = {"request": [_http.hf_request_event_hook, _prepare], "response": [_check]}
    return _Client(event_hooks=hooks, follow_redirects=True, timeout=None)


def _prepare(request: httpx2.Request) -> None:
    """Limit the time of a request, ask for bytes as they are, and keep the token from other hosts."""
    limits = request.extensions.get("timeout") or {}
    names = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {name: limits.get(name) or constants.HF_HUB_DOWNLOAD_TIMEOUT for name in names}
    request.headers["Accept-Encoding"] = "identity"
    endpoint = httpx2.URL(constants.ENDPOINT)
    if (request.url.scheme, request.url.host, request.url.port) != (endpoint.scheme, endpoint.host, endpoint.port):
        request.headers.pop("Authorization", None)


def _check(response: httpx2.Response) -> None:
    """Refuse an answer by its headers, and bound its body."""
    global _pages
    headers = response.headers
    _pages += "next" in response.links
    if _pages > _MOST_PAGES:
        raise BadAnswer(f"the hub's list of files has more than {_MOST_PAGES} pages: correct HF_ENDPOINT or the proxy")
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise BadAnswer("what answered compressed its answer, which was not asked for: correct HF_ENDPOINT or the proxy")
    length = headers.get("Content-Length") if response.request.method != "HEAD" else headers.get("X-Linked-Size")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 20):
        raise BadAnswer("the hub announced a size that is no number: correct HF_ENDPOINT or the proxy")
    if length is not None and int(length) > _most_bytes:
        raise _too_large()
    waits = [headers.get("Retry-After", ""), *headers.get("RateLimit", "").split("t=")[1:]]
    if any(wait.strip().isdigit() and not _is_short(wait.strip()) for wait in waits):
        raise BadAnswer(
            f"the hub asks to wait for more than {_LONGEST_WAIT_S} s (HTTP {response.status_code}): run again later"
        )
    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = _Bounded(response.stream)


def _is_short(seconds: str) -> bool:
    return seconds.isascii() and len(seconds) < 10 and int(seconds) <= _LONGEST_WAIT_S


def _too_large() -> BadAnswer:
    return BadAnswer("the hub sends more than it announced: correct HF_ENDPOINT or the proxy")


class _Bounded(httpx2.SyncByteStream):  # type: ignore[misc]
    """The body of an answer, which ends when it is too large or too slow."""

    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        received, window_bytes, window_start = 0, 0, time.monotonic()
        for piece in self._stream:
            received += len(piece)
            window_bytes += len(piece)
            if received > _most_bytes:
                raise _too_large()
            seconds = time.monotonic() - window_start
            if seconds > constants.HF_HUB_DOWNLOAD_TIMEOUT:
                if window_bytes < _LEAST_BYTES_S * seconds:
                    raise BadAnswer(f"the hub sent only {window_bytes} bytes in {seconds:.1f} s: run again later")
                window_bytes, window_start = 0, time.monotonic()
            yield piece

    def close(self) -> None:
        self._stream.close()
