"""Compare a model with a reference on the questions of a study that both answered: is it worse by more than a margin?

The exit status is 0 if the model is shown to be no worse than the margin, 1 if it is shown to be worse, and 2 if that cannot be
told or if there is an error.
"""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit.cli import study_options
from mmlu_kit.formatting import columns
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.study_results import MERGED
from mmlu_kit.statistics import MARGIN
from mmlu_kit.study import Study
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion

EXAMPLE = "mmlu-kit compare demo-small demo-large --study demo"
EPILOG = (
    "The two may differ in more than precision; the first line says in what. Of a study that is not finished, the questions "
    "that both models have answered so far are compared."
)
SMALLEST_MARGIN = 0.01  # in points; no benchmark has the millions of questions that a smaller one needs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("reference", metavar="MODEL_A", help="the reference, a model of the study")
    add("model", metavar="MODEL_B", help="the model that may be worse")
    add("--study", help="the study's name (default: the one in config)")
    add("--results", type=Path, metavar="FOLDER", help="the study's results (default: results/<study>)")
    text = "the folder with the fetched questions and manifests, to compare results with (default: resources)"
    add("--resources", type=Path, default=Path("resources"), help=text)
    text = "by how many percentage points of accuracy MODEL_B may be worse (default: 1)"
    add("--margin", type=float, default=100 * MARGIN, metavar="POINTS", help=text)
    add("--json", action="store_true", help="print the comparison as JSON")
    text = "files that extend config.yaml, which names the study until its results are merged"
    add("--configfile", "--config", type=Path, nargs="*", default=[], metavar="FILE", help=text)


def run(args: argparse.Namespace) -> None:
    if not SMALLEST_MARGIN <= args.margin <= 100:
        raise UserError(f"--margin is {args.margin:g}: give percentage points, at least {SMALLEST_MARGIN} and at most 100")
    from mmlu_kit.cli import comparison  # it imports scipy, for which help and completion should not wait
    from mmlu_kit.report.sentences import precision as sentences

    merged, compared = comparison.compare(_study(args), args)
    if args.json:
        print(json.dumps(compared.plain(), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        labels = {name: summaries.label(merged, name) for name in merged.models}
        print(f"{compared.model} against {compared.reference}, the reference: {sentences.differ(compared)}")
        print("\n".join(["", *columns(comparison.table(compared)), ""]))
        print(" ".join(sentences.verdict(compared, labels)))
    sys.exit(comparison.STATUS[compared.verdict])


def _study(args: argparse.Namespace) -> Study:
    """Return the study, as merged.json has it or else as config does; `args.results` becomes its folder."""
    config = study_options.read(args)
    folder = args.results = args.results or Path("results") / str(config["study"])
    if (folder / MERGED).is_file():
        study = Merged.read(folder / MERGED).study
        if args.study not in (None, study.name):
            raise UserError(f"{printable(folder / MERGED)} is of the study '{study.name}': correct --study or --results")
        return study
    if not folder.is_dir():
        others = [path.parent.name for path in sorted(folder.parent.glob(f"*/{MERGED}"))]
        advice = suggestion(folder.name, others) if others else "run the study first"
        raise UserError(f"{printable(folder)} does not exist: {advice}")
    return study_options.resolve(config | {"study": args.study or folder.name})
