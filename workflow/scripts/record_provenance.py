#!/usr/bin/env python3
"""Write provenance.json (the run, its jobs and a hash of every result file) and the same information as an RO-Crate."""

import argparse
import time
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.provenance import comparison, crate, jobs, privacy, run_record
from mmlu_kit.provenance.documents import CRATE, FILE, RunFile


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--run", type=Path, required=True, help="run.json, in the folder of the study's results")
    add(
        "--paths",
        nargs="*",
        default=[],
        metavar="PATH",
        help="paths named in config; only their base names are kept",
    )
    add("--workflow", type=Path, required=True, help="the Snakefile, which is copied beside the results")
    add("--records", type=Path, default=Path(".snakemake/metadata"), help="Snakemake's records of its jobs")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results, project = args.run.parent, Path.cwd()
    outside, names = privacy.outside_project(args.paths, project), privacy.persons()
    job_records = [
        job.model_copy(update={"command": privacy.job_command(job.command or "", project, outside, names) or None})
        for job in jobs.jobs_below(args.records, results.as_posix())
    ]
    # An RO-Crate must contain the workflow that it describes.
    files.write_bytes(results / crate.WORKFLOW, args.workflow.read_bytes())
    provenance = run_record.record(RunFile.read(args.run), results, job_records, time.time())
    path = results / FILE
    provenance.write(path)
    entry = comparison.file_entry(path)
    files.write_json(results / CRATE, crate.build(provenance, entry))
    print(f"{path}: {len(provenance.files)} files of {len(job_records)} jobs; SHA-256 {entry.sha256}")


if __name__ == "__main__":
    user_errors.run(main)
