"""Compare a model with a reference on the questions of a study that both answered: is it worse by more than a margin?

The exit status is 0 if the model is shown to be no worse than the margin, 1 if it is shown to be worse, and 2 if that cannot be
told or if there is an error.
"""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit.analysis import precision
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.cli import study_options
from mmlu_kit.config import ImportedEntry
from mmlu_kit.formatting import columns, p_value, percent
from mmlu_kit.report.cells import points, points_range
from mmlu_kit.report.sections.precision import divergence
from mmlu_kit.report.sentences import precision as sentences
from mmlu_kit.results import collection, merging, origins, summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.study_results import MERGED
from mmlu_kit.statistics.margins import Verdict
from mmlu_kit.study import Study
from mmlu_kit.terminal_text import printable
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion

EXAMPLE = "mmlu-kit compare demo-small demo-large --study demo"
EPILOG = (
    "The two may differ in more than precision; the first line says in what. Of a study that is not finished, the questions "
    "that both models have answered so far are compared."
)
SMALLEST_MARGIN = 0.01  # in points; no benchmark has the millions of questions that a smaller one needs
STATUS = {Verdict.NO_WORSE: 0, Verdict.WORSE_WITHIN_MARGIN: 0, Verdict.WORSE: 1, Verdict.UNCLEAR: 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("reference", metavar="MODEL_A", help="the reference, a model of the study")
    add("model", metavar="MODEL_B", help="the model that may be worse")
    add("--study", help="the study's name (default: the one in config)")
    add("--results", type=Path, metavar="FOLDER", help="the study's results (default: results/<study>)")
    text = "the folder with the fetched questions and manifests, to compare results with (default: resources)"
    add("--resources", type=Path, default=Path("resources"), help=text)
    text = "by how many percentage points of accuracy MODEL_B may be worse (default: 1)"
    add("--margin", type=float, default=100 * precision.MARGIN, metavar="POINTS", help=text)
    add("--json", action="store_true", help="print the comparison as JSON")
    text = "files that extend config.yaml, which names the study until its results are merged"
    add("--configfile", "--config", type=Path, nargs="*", default=[], metavar="FILE", help=text)


def run(args: argparse.Namespace) -> None:
    if not SMALLEST_MARGIN <= args.margin <= 100:
        raise UserError(f"--margin is {args.margin:g}: give percentage points, at least {SMALLEST_MARGIN} and at most 100")
    merged, compared = _compare(_study(args), args)
    if args.json:
        print(json.dumps(compared.plain(), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        labels = {name: summaries.label(merged, name) for name in merged.models}
        print(f"{compared.model} against {compared.reference}, the reference: {sentences.differ(compared)}")
        print("\n".join(["", *columns(_table(compared)), ""]))
        print(" ".join(sentences.verdict(compared, labels)))
    sys.exit(STATUS[compared.verdict])


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


def _compare(study: Study, args: argparse.Namespace) -> tuple[Merged, Comparison]:
    """Return what is known of the two models, and the comparison, from their evaluations and what these were made from.

    Raises UserError if there is nothing to compare, or if the files contradict each other.
    """
    names = list(dict.fromkeys(model for model, _ in study.pairs()))
    both = args.reference, args.model
    for name in both:
        if name not in names:
            raise UserError(f"the study '{study.name}' evaluates no model '{name}': {suggestion(name, names)}")
    if len(set(both)) == 1:
        raise UserError(f"'{args.model}' cannot be compared with itself: name two models; known: {', '.join(names)}")
    groups = [group.model_copy(update={"models": [name for name in group.models if name in both]}) for group in study.groups]
    baseline = study.baseline if study.baseline and study.baseline.model in both else None
    study = study.model_copy(update={"groups": groups, "baseline": baseline})
    entries = [(name, study.models[name]) for name in both]
    imported = {name: Path(entry.predictions) for name, entry in entries if isinstance(entry, ImportedEntry)}
    predictions = {name: path for name, path in imported.items() if path.is_file()}
    collected = collection.collect(study, args.results, origins.read(study, args.resources, predictions))
    merged = merging.merge(study, collected.outcomes, collected.timings, Processes({}), sources=collected.sources)
    models = precision.candidates(merged, collected.outcomes)
    for name in both:
        if name not in models:
            raise UserError(f"{printable(args.results)} has no answers of {name} yet: run the study, or name another model")
    compared = precision.compare(models[args.reference], models[args.model], args.margin / 100)
    if compared is None:
        raise UserError(
            f"{args.reference} and {args.model} have no question with a readable answer of each: run both on one subject"
        )
    return merged, compared


def _table(compared: Comparison) -> list[list[str]]:
    """Return the rows of the table: a name and a value each."""
    number = compared.questions
    unread = f" ({compared.unread} more have an unreadable answer)" if compared.unread else ""
    distance = (
        f"{divergence(compared)} nats, by bootstrap over questions"
        if compared.divergence
        else f"none: {compared.no_divergence}"
    )
    interval = points_range(compared.low, compared.high)
    return [
        ["questions", f"{number}{unread}"],
        [f"accuracy of {compared.reference}", f"{percent(compared.reference_right / number)} ({compared.reference_right})"],
        [f"accuracy of {compared.model}", f"{percent(compared.model_right / number)} ({compared.model_right})"],
        ["difference (95% interval)", f"{points(compared.difference)} ({interval})"],
        ["right to wrong", str(compared.right_to_wrong)],
        ["wrong to right", str(compared.wrong_to_right)],
        ["wrong to another wrong", str(compared.wrong_to_other_wrong)],
        ["same best answer", f"{percent(compared.same / number)} ({compared.same})"],
        ["exact McNemar test", p_value(compared.p)],
        ["KL divergence (95% interval)", distance],
    ]
