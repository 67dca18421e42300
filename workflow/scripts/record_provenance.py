#!/usr/bin/env python3
"""Write run_record.json (the run, its jobs and a hash of every result file) and the same as an RO-Crate."""

import argparse
import json
import shlex
import sys
import time
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import checkpoints
from mmlu_kit.provenance import crate, jobs, privacy, run_record


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--run", type=Path, required=True, help="run.json, in the folder of the study's results")
    add(
        "--study",
        default="{}",
        help="the resolved study as JSON text: long, and in merged.json, so it is cut from command lines",
    )
    add("--workflow", type=Path, required=True, help="the Snakefile, to be copied beside the results")
    add("--records", type=Path, default=Path(".snakemake/metadata"), help="Snakemake's records of its jobs")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results, project = args.run.parent, Path.cwd()
    outside = privacy.outside(json.loads(args.study), project)
    ran = jobs.made(args.records, results.as_posix())
    for job in ran:
        # Cut before it is cleaned: it is the longest part, and holds whatever config says.
        whole = (job["command"] or "").replace(shlex.quote(args.study), "'<the study>'")
        job["command"] = privacy.cleaned(whole, project, outside) or None
    # The workflow must lie in its crate.
    files.write_bytes(results / crate.WORKFLOW, args.workflow.read_bytes())
    found = run_record.record(records.read(args.run, "run"), results, ran, time.time())
    records.check(found, "provenance", run_record.FILE)
    path = results / run_record.FILE
    files.write_json(path, found)
    entry = {"bytes": path.stat().st_size, "sha256": checkpoints.digest(path)}
    files.write_json(results / run_record.CRATE, crate.build(found, entry))
    print(f"{path}: {len(found['files'])} files of {len(ran)} jobs; SHA-256 {entry['sha256']}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
