"""Ctrl-C ends a program quietly, also while it imports its libraries, which takes seconds."""

import os
import signal
import sys
import threading
from types import FrameType

STATUS = 130  # 128 + SIGINT, as shells report it
_IMPORT = "<frozen importlib._bootstrap>"


def install() -> None:
    """Let Ctrl-C raise KeyboardInterrupt or, during an import, end the process at once with STATUS.

    A KeyboardInterrupt during an import would pass through C and C++ code, which aborts or reports it as another error. Where
    Ctrl-C is ignored, as in a background job, or handled otherwise, nothing changes.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def a_program_is_importing() -> bool:
    """Whether the running program is still at an import statement of its own file; false in Snakemake, pytest or a notebook."""
    files = _files(sys._getframe())
    return len(files) > 1 and files[-2] == _IMPORT


def _stop(number: int, frame: FrameType | None) -> None:
    if _IMPORT in _files(frame):
        os._exit(STATUS)
    raise KeyboardInterrupt


def _files(frame: FrameType | None) -> list[str]:
    """The source files of a frame and of its callers, the program's own file last."""
    files = []
    while frame:
        files.append(frame.f_code.co_filename)
        frame = frame.f_back
    return files
