#!/usr/bin/env python3
"""Kill Snakemake and its jobs at random moments of the smoke study, go on each time, and compare what comes out at last
with a run that nobody disturbed: python tests/faults/kill_runs.py --kills 20"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.conftest import copy_of_the_workflow

COMMAND = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", "--config", "study=smoke"]
# As in an active environment: rules run `python`.
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
TOGETHER = 4  # kills of one study before it is let to its end


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many processes to kill (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="chooses moments and victims (default: 0)")
    parser.add_argument("--undisturbed", type=Path, help="a folder in which the study has run undisturbed (default: run it)")
    return parser.parse_args()


def unlock(folder: Path) -> None:
    """Remove the lock that a killed Snakemake leaves behind, as its own message says."""
    if any(folder.glob(".snakemake/locks/*")):
        subprocess.run([*COMMAND, "--unlock"], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)


def complete(folder: Path) -> dict[str, bytes]:
    """Run the study to its end, and return the evaluation files' bytes by name."""
    unlock(folder)
    process = subprocess.run(COMMAND, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"the study did not come to its end after the kills:\n{process.stdout[-3000:]}{process.stderr[-3000:]}")
    return evaluations(folder)


def evaluations(folder: Path) -> dict[str, bytes]:
    """Return the bytes of a study's evaluation files by name."""
    made = folder / "results/smoke/evaluations"
    return {str(path.relative_to(made)): path.read_bytes() for path in sorted(made.rglob("*.json"))}


def seconds(folder: Path) -> float:
    """Return how long the finished run in a folder took."""
    record = json.loads((folder / "results/smoke/provenance.json").read_text())
    return (datetime.fromisoformat(record["ended"]) - datetime.fromisoformat(record["started"])).total_seconds()


def kill_one(folder: Path, after_s: float, chance: random.Random) -> str | None:
    """Start the study, wait, and kill Snakemake, one of its jobs, or all at once, as a power cut does; what it was, None
    where the study had ended before."""
    unlock(folder)
    main = subprocess.Popen(COMMAND, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        main.wait(timeout=after_s)
        return None
    except subprocess.TimeoutExpired:
        pass
    process = psutil.Process(main.pid)
    below = process.children(recursive=True)
    kind = chance.choice(["Snakemake", "everything", *(["a job"] if below else [])])
    victims = {"Snakemake": [process], "everything": [process, *below], "a job": below and [chance.choice(below)]}[kind]
    for victim in victims:
        if victim.is_running():
            victim.send_signal(signal.SIGKILL)
    main.wait()
    # Jobs that outlive their Snakemake come to their own end, as they would on a user's machine.
    psutil.wait_procs(below, timeout=120)
    return kind


def main() -> None:
    args = arguments()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as place:
        if undisturbed := args.undisturbed:
            whole = evaluations(undisturbed)
        else:
            undisturbed = copy_of_the_workflow(Path(place) / "whole")
            whole = complete(undisturbed)
        took = seconds(undisturbed)
        print(f"undisturbed: {len(whole)} evaluation files in {took:.0f} s", flush=True)
        killed: Counter[str] = Counter()
        ended = 0
        while killed.total() < args.kills:
            folder = copy_of_the_workflow(Path(place) / f"killed-{ended}")
            wanted = min(killed.total() + TOGETHER, args.kills)
            while killed.total() < wanted:
                began = time.monotonic()
                kind = kill_one(folder, chance.uniform(0, took), chance)
                if kind is None:
                    # Nothing is left to kill here, and the next moments are to lie within what a study takes now.
                    took = min(took, time.monotonic() - began)
                    break
                killed.update([kind])
            found = complete(folder)
            ended += 1
            if found != whole:
                differ = sorted(name for name in {**found, **whole} if found.get(name) != whole.get(name))
                sys.exit(f"after {killed.total()} kills these files differ: {', '.join(differ)}")
            shutil.rmtree(folder)
            print(f"{killed.total()} kills ({dict(killed)}), {ended} studies ended, all with the same bytes", flush=True)


if __name__ == "__main__":
    main()
