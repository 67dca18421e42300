"""Apptainer's message on a container that did not start, with a remedy.

It writes to Snakemake's standard error or to the SLURM log, never to the log of the job, whose program did not begin.
"""

import re
import subprocess
from functools import lru_cache

from mmlu_kit.jobs.log_messages import shortened

_PROBE_S = 60
# The command that Snakemake reports with a failed job: the container's, and then the job's own in a shell.
_COMMAND = re.compile(r"^Command ' ?(\S+ .*?\bexec .*? (\S+)) (?:ba)?sh -c '", re.M)
# Apptainer's last words, and those of its starter, which colours them.
_MESSAGE = re.compile(r"^(?:\x1b\[\d+m)?(?:FATAL|ERROR)\s*:\s+(.+)$", re.M)
_REMEDIES = (
    (r"(?i)squashfs|image format|image driver|decompress", "{image} is damaged or incomplete: build or copy it again"),
    (r"could not open image", "this machine cannot read {image}: build it, or name another under images in config"),
    (r"mount source \S+ doesn't exist", "create that folder, or take it out of APPTAINER_BIND and --apptainer-args"),
    (r"(?i)namespace", "ask the machine's administrator for user namespaces, or for Apptainer with setuid"),
    (r"(?i)no space left", "free some space, or set APPTAINER_TMPDIR to a folder with some"),
    (r"", "correct it until `apptainer exec {image} true` works here"),
)  # fmt: skip


def failure(text: str) -> str | None:
    """Return Apptainer's message on the container of a failed command, with a remedy; None if the container did start.

    `text` is Snakemake's on the command. Where it lacks Apptainer's words, as on this machine, the same container is started
    once more with a command that does nothing.
    """
    command = _COMMAND.search(text)
    message = command and (_MESSAGE.findall(text) or _MESSAGE.findall(_probe(command[1])))
    if not command or not message:
        return None
    words = shortened(message[-1:]).rstrip(".")
    remedy = next(remedy for pattern, remedy in _REMEDIES if re.search(pattern, words))
    return f"its container failed: {words}: {remedy.format(image=command[2])}"


@lru_cache
def _probe(container: str) -> str:
    """Return what the command of a container writes on standard error if it runs `true`."""
    try:
        process = subprocess.run(f"{container} true", shell=True, capture_output=True, timeout=_PROBE_S)
    except subprocess.TimeoutExpired:
        return f"FATAL: no answer in {_PROBE_S} s"
    return process.stderr.decode("utf-8", errors="replace")
