"""Names that no result may hold, in what a run is described from: all are taken; what is no description is one line."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.helpers import results
from tests.hostile.inputs import Hostile


def described(begun: str, *images: str) -> Callable[[Path], list[str | Path]]:
    """A run of a study without results, with this description of its begin and these images."""

    def make(folder: Path) -> list[str | Path]:
        options = results.write(folder, results.study(["m"], ["anatomy"]), [])
        return ["describe_run.py", *options, "--output=run.json", f"--begun={begun}", *(f"--image={name}" for name in images)]

    return make


COMMANDS = {
    "a token": "snakemake --config hf_token=hf_abcdefghijkl",
    "an escape sequence": "snakemake \x1b[2J\x9b\u202e",
    "a lone quote": "snakemake '",
    "line breaks": "snakemake\n```\n# All verified\n",
    "nothing": "",
    "a path without end": "/" * 5_000,
}
INPUTS = [Hostile(f"a command with {name}", described(json.dumps({"command": text})), None) for name, text in COMMANDS.items()]
INPUTS += [
    Hostile(f"an image {name}", described("{}", f"cpu={name}"), None)
    for name in ("docker://user:secret@ghcr.io/x", "docker://x@sha256:0a", "https://x/y.sif?token=secret", "oras://[::1]/x")
]
INPUTS += [
    Hostile(f"a begin that is {text[:20]!r}", described(text), "--begun: not the JSON that the workflow passes")
    for text in ("hf_abcdefghijkl", "[]", '{"command": 1}', '{"token": "x"}', '{"command": "\\ud800"', "\x1b[2J", '{"commit":')
]
INPUTS.append(Hostile("an image without a kind", described("{}", "x.sif"), "--image: 'x.sif' is not KIND=NAME"))
