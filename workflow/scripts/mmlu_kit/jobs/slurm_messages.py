"""SLURM's messages on jobs that it refused or killed, with remedies."""

import re

from mmlu_kit.jobs.log_messages import shortened

# What slurmstepd and srun write into a job's log (with or without control groups) or the state that squeue and sacct report,
# what it means, and the resource that was too small. Lines of others may quote the same words.
_KILLS = (
    (
        r"(?i)exceeded (?:job )?memory limit|oom[-_ ]kill|out[_ ]of[_ ]memory",
        "needed more memory than it had requested",
        "mem_mb",
    ),
    (r"DUE TO TIME LIMIT|'TIMEOUT'", "took longer than its time limit", "runtime"),
    (r"DUE TO NODE FAILURE|'(?:NODE|BOOT)_FAIL'", "lost its node", None),
    (r"DUE TO PREEMPTION|'PREEMPTED'", "was preempted by another job", None),
    (r"CANCELLED AT|'CANCELLED'|'DEADLINE'", "was cancelled", None),
)
_UNITS = {"mem_mb": "<megabytes>", "runtime": "<minutes>"}
_SLURM_LINE = re.compile(r"^(?:slurmstepd|srun)\b.*|SLURM status is: '\w+'", re.M)

# The plugin's messages on a job that was not submitted, and srun's on one that may not use what it was given.
_REFUSALS = (
    re.compile(r"^SLURM (?:sbatch|job submission) failed\. The error message was '?(.*?)'?\.?\s*(?:sbatch call:|$)", re.S),
    re.compile(r"^Job submission failed with exception: (.*)", re.S),
    re.compile(r"^srun: error: (Unable to .*)", re.M),
)
# What Snakemake appends to the plugin's message, without a space.
_APPENDED = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
# Words of SLURM's, and what helps.
_REMEDIES = (
    (r"(?i)contact|connect|socket|communicat|sbatch:.* not found", "run again where and when SLURM answers (`sinfo`)"),
    (r"(?i)submit ?(?:job)? ?limit", "submit fewer jobs at a time (--jobs)"),
    (r"(?i)account", "name one of yours (`sacctmgr show associations user=$USER`): {setting}slurm_account=<account>"),
    (r"(?i)qos", "name one of yours (`sacctmgr show associations user=$USER`): {setting}qos=<name>"),
    (r"(?i)time ?limit", "request less time, or another partition: {setting}runtime=<minutes>"),
    (r"(?i)memory", "request less memory, or another partition: {setting}mem_mb=<megabytes>"),
    (r"(?i)partition", "name one that `sinfo` lists: {setting}slurm_partition=<partition>"),
    (r"", "request what a node has (`sinfo -Nl`): {setting}<mem_mb, runtime, gpu or slurm_partition>=<value>"),
)  # fmt: skip

# An error of Snakemake's, with the message on the lines below, and what it and srun write after it.
_EXCEPTION = re.compile(r"^\w+(?:Error|Exception)\b.*:$")
_ENDING = re.compile(
    r"^WorkflowError:$|^At least one job did not complete|^Elapsed time|^Storing output|^Exiting because|^Shutting down|"
    r"^srun: error: .*: task \d+: Exited with"
)


def kill(text: str, rule: str) -> str | None:
    """Return why SLURM killed a job and what to do, None if it did not.

    `text` is the job's SLURM log followed by the executor's message, which names the job's state.
    """
    lines = "\n".join(_SLURM_LINE.findall(text))
    for pattern, reason, resource in _KILLS:
        if re.search(pattern, lines):
            advice = "run again"
            if resource:
                setting = f"--set-resources {rule}:{resource}={_UNITS[resource]}"
                advice = f"each retry (--retries) requests more, or run again with {setting}"
            return f"{reason}: {advice}; scored batches are kept"
    return None


def refusal(message: str, rule: str) -> str | None:
    """Return SLURM's message on a job that it did not accept, with a remedy; None if it accepted the job.

    `message` is the executor's, or the job's SLURM log.
    """
    words = message.replace(_APPENDED, "")
    match = next((match for pattern in _REFUSALS if (match := pattern.search(words))), None)
    if match is None:
        return None
    parts = (" ".join(part.split()) for part in match[1].split("sbatch: error: "))
    words = shortened(["; ".join(filter(None, parts))]).rstrip(".")
    remedy = next(remedy for pattern, remedy in _REMEDIES if re.search(pattern, words))
    advice = remedy.format(setting=f"--set-resources {rule}:")
    if advice != remedy:
        advice += ", or the same in profiles/slurm/config.yaml"
    return f"SLURM refused it: {words}: {advice}"


def last_message(text: str) -> str:
    """Return why a job failed before its program began, from its SLURM log: Snakemake's last error, or the last line."""
    lines = [line for line in text.splitlines() if line.strip() and not _ENDING.search(line)]
    error = next((n for n in reversed(range(len(lines))) if _EXCEPTION.search(lines[n])), len(lines) - 1)
    end = next((n for n in range(error + 1, len(lines)) if lines[n].startswith(("[", "  File "))), len(lines))
    return shortened(lines[max(error, 0) : end])
