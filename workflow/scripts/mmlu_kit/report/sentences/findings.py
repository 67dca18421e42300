"""The first paragraph of the error analysis, in plain words: what was asked, what was found, and how sure that is."""

from collections.abc import Sequence
from statistics import median

from mmlu_kit import formatting
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import FEWEST_QUESTIONS, ModelAnalysis
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.report.cells import listed, points
from mmlu_kit.statistics import ALPHA

MOST_NAMED = 3  # models in a sentence; of more, their number is told
MOST_UNREAD = 0.02  # share of unreadable answers with which an accuracy's interval still says how sure it is


def in_short(analysis: AnalysisFile) -> str:
    """Return the paragraph; there must be a model."""
    sentences = [_asked(analysis), *knowledge(analysis).values(), *_subjects(analysis), *_same_questions(analysis)]
    return " ".join([*sentences, *better(analysis), _how_sure(analysis)])


def _asked(analysis: AnalysisFile) -> str:
    models = analysis.models
    fewest, most = (choose(model.questions for model in models) for choose in (min, max))
    questions = f"{most:,} question{'' if most == 1 else 's'}" if fewest == most else f"{fewest:,} to {most:,} questions"
    subjects = formatting.plural(max(model.subjects for model in models), "subject")
    who = models[0].label if len(models) == 1 else f"{len(models)} models"
    return f"**In short:** {who} answered {questions} of {subjects}."


def knowledge(analysis: AnalysisFile) -> dict[str, str]:
    """Say which models do better than guessing, a sentence for each kind of model there is: 'always' (of which nothing can be
    said), 'better', 'worse' and 'unclear'."""
    always = [model for model in analysis.models if model.always]
    others = [model for model in analysis.models if not model.always]
    better = [model for model in others if model.guessing.p < ALPHA]
    worse = [model for model in others if model.guessing.p >= ALPHA and model.guessing.p_below < ALPHA]
    unclear = [model for model in others if model not in better and model not in worse]
    sentences = {}
    if always:
        right = "it gets right says nothing about what it knows"
        if len(always) > 1:
            right = "they get right says nothing about what they know"
        sentences["always"] = f"{_named(always, analysis.models)} nearly always gave the same answer, so what {right}."
    if better:
        who = "All of them do" if len(better) == len(analysis.models) > 1 else f"{_named(better, others)} {_do(better)}"
        sentences["better"] = f"{who} better than guessing."
    if worse:
        sentences["worse"] = f"{_named(worse, others)} {_do(worse)} worse than guessing."
    if unclear:
        who = f"any of {len(unclear)} models" if len(unclear) > 1 else unclear[0].label
        sentences["unclear"] = f"That {who} knows more than a guess is not shown."
    return sentences


def _subjects(analysis: AnalysisFile) -> list[str]:
    """Say whether some subjects are harder, and whether models agree on which."""
    tests, w = analysis.difficulty.differences, analysis.difficulty.kendall_w
    if not tests:
        return []
    differ = [test for test in tests if test.p_holm is not None and test.p_holm < ALPHA]
    if not differ:
        return ["That some subjects are harder than others is not shown for any single model."]
    if len(differ) == len(tests):
        harder = f"Some subjects are harder than others{f' for each of {len(tests)} models' if len(tests) > 1 else ''}"
    else:
        harder = f"Some subjects are harder than others for {len(differ)} of {len(tests)} models"
    if w is None:
        return [f"{harder}."]
    agree = "models agree on which, more than having answered the same questions explains"
    return [f"{harder}, and {agree}." if w.p < ALPHA else f"{harder}; that {agree}, is not shown."]


def _same_questions(analysis: AnalysisFile) -> list[str]:
    """Say whether models miss the same questions, beyond what subjects and letters explain."""
    wrong = analysis.models_wrong
    if wrong is None or wrong.p_decisive is None:
        return []
    same = "odels miss the same questions more often than chance, hard subjects and a common liking for a letter explain"
    return [f"M{same}." if wrong.p_decisive < ALPHA else f"That m{same} is not shown."]


def better(analysis: AnalysisFile) -> list[str]:
    """Say how many pairs of models differ in accuracy."""
    pairs = telling_pairs(analysis)
    if not pairs:
        return []
    differ = sum(pair.test.p_holm < ALPHA for pair in pairs)
    if len(pairs) == 1:
        return ["One of the two is better than the other." if differ else "That one of the two is better is not shown."]
    number = f"{differ} of {len(pairs)} pairs" if differ else f"none of {len(pairs)} pairs"
    return [f"A difference in accuracy is shown for {number} of models."]


def telling_pairs(analysis: AnalysisFile) -> list[PairAnalysis]:
    """Return the pairs of which the difference tells something: not two models that nearly always give the same answer."""
    constant = {model.model for model in analysis.constant_models}
    return [pair for pair in analysis.pairs if not constant >= set(pair.models)]


def _how_sure(analysis: AnalysisFile) -> str:
    """Say how far numbers may be off, and what *shown* means."""
    models = analysis.models
    if max(model.questions for model in models) < FEWEST_QUESTIONS:
        return f"With fewer than {FEWEST_QUESTIONS} questions, all of this describes these answers and proves little."
    read = [model.best_letter for model in models if model.best_letter.unparsed <= MOST_UNREAD * model.questions]
    if not read:
        return "Many answers could not be read, so accuracies lie between bounds that are far apart (see the table below)."
    sure = f"An accuracy on so many questions is known to about ±{points(median((one.high - one.low) / 2 for one in read))}"
    smallest = [pair.smallest_difference for pair in analysis.pairs if pair.smallest_difference is not None]
    if smallest:
        sure += f", and two models must be some {points(median(smallest))} apart to be told apart reliably"
    return f"{sure}. *Shown* means that chance alone gives such a result in fewer than {ALPHA:.0%} of studies."


def _named(models: Sequence[ModelAnalysis], of: Sequence[ModelAnalysis]) -> str:
    """Return the models' labels, or their number if they are many."""
    return listed(model.label for model in models) if len(models) <= MOST_NAMED else f"{len(models)} of {len(of)} models"


def _do(models: Sequence[ModelAnalysis]) -> str:
    return "does" if len(models) == 1 else "do"
