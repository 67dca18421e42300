"""Compares each published number with this run's: reproduced, differs (and where), or not run.

A published number is reproduced if it lies between this run's `low` and `high`. An equal model gives the same answers to the
same questions, so accuracies are compared by right answers: published.yaml's `within_answers` says how many may differ, and no
sampling interval applies. Its `within_factor` says how far times, ratios and numbers of parameters may differ. Published
accuracies are of letters that models wrote, so they are compared with accuracies by the generated letter.
"""

from mmlu_kit.claims.counterparts import counterparts
from mmlu_kit.claims.document import NumberResult
from mmlu_kit.claims.model_rows import context_row, model_rows, subjects_of, summary_over
from mmlu_kit.claims.ratio_rows import cpu_over_real_rows, ratio_row, user_over_real_rows
from mmlu_kit.claims.reference import CpuOverReal, Published
from mmlu_kit.claims.rows import row
from mmlu_kit.claims.run_rows import run_rows, runs_by_setup
from mmlu_kit.results.merged import Merged


def compare(published: Published, merged: Merged) -> list[NumberResult]:
    """Return every published number compared with this run's."""
    models = counterparts(merged.study.models, published)
    summaries = {
        name: summary_over(merged, name, model, subjects_of(published, merged, name)) for name, model in models.items()
    }
    timed = published.timing_runs
    by_setup = runs_by_setup(timed, merged, models[timed.model]) if timed else "no timing runs are published"
    rows = [number for name, model in models.items() for number in model_rows(published, merged, name, model)]
    rows += [number for run in (timed.runs if timed else []) for number in run_rows(published, merged, run, by_setup)]
    rows += [ratio_row(published, ratio, summaries) for ratio in published.ratios]
    for ratio in published.cpu_over_real:
        if isinstance(ratio, CpuOverReal):
            rows += cpu_over_real_rows(published, merged, ratio, summaries)
        else:
            rows += user_over_real_rows(published, ratio, by_setup)
    rows += [context_row(published, merged, context, models[context.model]) for context in published.contexts]
    rows += [
        row(number.of, number.section, number.what, number.unit, number.value, number.reason)
        for number in published.not_measured
    ]
    return rows
