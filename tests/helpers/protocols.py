"""Made-up results of several protocols: letters, cloze and orders, on questions with as many choices as a test needs."""

from collections.abc import Callable, Mapping, Sequence

import jinja2
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.protocol_document import ProtocolAnalysis
from mmlu_kit.config import AnyModel, ModelEntry
from mmlu_kit.evaluation import answers, records
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.continuations import Continuation
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.files import sha256
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report import cells
from mmlu_kit.report.sections.protocols import ProtocolsSection
from mmlu_kit.results import merging
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS, PromptSettings, Requested
from mmlu_kit.study import Study
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import results

MANIFEST = Manifest(
    folder="p", repository=None, commit=None, checkpoint_bytes=1, files={"x": FileEntry(bytes=1, sha256="0" * 64)}, parameters=9
)
ASK = {
    "letters": PromptSettings(),
    "shots": PromptSettings(examples=2),
    "bare": PromptSettings(preset="writeup"),
    "cloze": PromptSettings(preset="cloze"),
    "pmi": PromptSettings(preset="olmes", score="pmi"),
    "orders": PromptSettings(orders="cyclic"),
}


def question(subject: str, index: int, choices: int = 4) -> Question:
    """Return a made-up question; with four choices, the one that `results` makes. A, B, C or D is right."""
    if choices == 4:
        return results.question(subject, index)
    texts = tuple(f"{index} {letter}" for letter in LETTERS[:choices].lower())
    return Question(subject, "test", index, f"Question {index} on {subject}?", texts, LETTERS[index % min(choices, 4)])


def mixed(subject: str, index: int) -> Question:
    """Return a question with three, four or five choices."""
    return question(subject, index, 3 + index % 3)


def _record(question: Question, predicted: str, **values: object) -> Record:
    common = {
        "subject": question.subject,
        "index": question.index,
        "question_sha256": question.sha256,
        "choices": len(question.choices),
        "prompt_sha256": sha256(f"prompt {question.subject} {question.index}"),
        "prompt_tokens": 40,
        "examples": 0,
        "gold": question.answer,
        "predicted": predicted,
        "correct": predicted == question.answer,
        "generated": None,
        "parsed": None,
        "correct_generated": None,
    }
    return Record(**{**common, **values})


def _logprobs(best: str, choices: int) -> dict[str, float]:
    return {letter: -0.5 if letter == best else -3.5 for letter in LETTERS[:choices]}


def letters(question: Question, best: str, generated: str = "") -> Record:
    """Return a record with this best letter; `generated` is another letter, or '-' for a text without one."""
    text, logprobs = generated or best, _logprobs(best, len(question.choices))
    parsed = text if text in LETTERS else None
    return _record(
        question,
        best,
        letter_logprobs=logprobs,
        letter_mass=answers.mass(logprobs.values()),
        generated=f" {parsed}" if parsed else " the",
        parsed=parsed,
        correct_generated=parsed == question.answer,
    )


def in_orders(question: Question, shown: str) -> Record:
    """Return a record whose most probable letters, as shown in each order, are `shown`; all are equally sure."""
    first, *others = (_logprobs(letter, len(question.choices)) for letter in shown)
    record = letters(question, shown[0])
    over = answers.orders.over_orders([first, *others])
    best = max(over, key=lambda letter: over[letter])
    return Record(**{**dict(record), "other_orders": others, "predicted": best, "correct": best == question.answer})


def cloze(question: Question, best: str, by_pmi: str = "") -> Record:
    """Return a record in which every score but PMI ranks `best` first, and PMI `by_pmi`."""
    continuations = [
        Continuation(
            logprob=-len(text) * (0.1 if letter == best else 2.0),
            unconditional=-90.0 if letter == (by_pmi or best) else -1.0,
            tokens=1 + len(text) // 2,
            characters=len(text),
            bytes=len(text.encode()),
        )
        for letter, text in zip(LETTERS, question.choices, strict=False)
    ]
    return _record(question, best, cloze=continuations)


def evaluation(model: str, prompt: PromptSettings, answered: Sequence[Record]) -> Evaluation:
    """Return the evaluation of a model that was asked like this; all models have the same weights."""
    requested = Requested(**{**dict(results.REQUESTED), **dict(prompt)})
    answered = [_with_prompt(record, prompt) for record in answered]
    if prompt.preset.is_cloze:
        answered = [_ranked(record, requested) for record in answered]
    subject = answered[0].subject
    ran_as, packing = results.effective(), results.packing(answered)
    return records.evaluation(model, MANIFEST, requested, ran_as, None, subject, answered, packing)


def _with_prompt(record: Record, prompt: PromptSettings) -> Record:
    digest = sha256(f"{prompt.preset} {prompt.examples} {record.prompt_sha256}")
    return record.model_copy(update={"prompt_sha256": digest, "examples": prompt.examples})


def _ranked(record: Record, requested: Requested) -> Record:
    best = record.predicted_by(requested.ranked_by)
    return record.model_copy(update={"predicted": best, "correct": best == record.gold})


def study(prompts: Mapping[str, PromptSettings], subjects: list[str], **changes: object) -> Study:
    """Return a study of the same weights asked in these ways, by model; `changes` apply to the study."""
    models: dict[str, AnyModel] = {
        model: ModelEntry(path="p", tokens_per_batch=results.REQUESTED.tokens_per_batch, prompt=prompt)
        for model, prompt in prompts.items()
    }
    return results.study(list(models), subjects, **changes).model_copy(update={"models": models})


def merged(study: Study, evaluations: Sequence[Evaluation]) -> Merged:
    """Return merged.json of these evaluations; imported ones have no times."""
    ran = [each for each in evaluations if each.requested]
    timings = [results.timing(each.model, each.subject, questions_scored=len(each.records)) for each in ran]
    processes = Processes({f"{each.model}/{each.subject}.time": results.process() for each in ran})
    return merging.merge(study, evaluations, timings, processes)


def right(question: Question, answer: bool) -> str:
    """Return the right letter, or a wrong one."""
    place = LETTERS.index(question.answer)
    return LETTERS[place if answer else (place + 1) % 3]


def family(
    rights: Mapping[str, Sequence[bool]], subject: str = "anatomy", make: Callable[[str, int], Question] = mixed
) -> dict[str, Evaluation]:
    """Return an evaluation for each way of ASK, with these right answers; a cloze model's PMI chooses the first choice."""
    made = {}
    for model, answers_ in rights.items():
        prompt, questions = ASK[model], [make(subject, index) for index in range(len(answers_))]
        pairs = [(one, right(one, answer)) for one, answer in zip(questions, answers_, strict=True)]
        if prompt.preset.is_cloze:
            made[model] = evaluation(model, prompt, [cloze(one, best, "A") for one, best in pairs])
        elif model == "orders":
            shown = [
                [answers.orders.shown(best, order, len(one.choices)) for order in range(len(one.choices))]
                for one, best in pairs
            ]
            made[model] = evaluation(
                model, prompt, [in_orders(one, "".join(s)) for (one, _), s in zip(pairs, shown, strict=True)]
            )
        else:
            made[model] = evaluation(model, prompt, [letters(one, best) for one, best in pairs])
    return made


def section_text(section: ProtocolsSection) -> str:
    """Return the report's section on protocols, with headings of the third level."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(results.WORKFLOW / "report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(rows=cells.rows, header=cells.header, bullets=cells.bullets, fold=cells.fold, table=cells.table)
    return environment.get_template("protocols.md.j2").render(protocols=section, heading_level=3)


def analysis_file(protocols: ProtocolAnalysis | None) -> AnalysisFile:
    """Return analysis.json with nothing but its part on protocols."""
    return AnalysisFile.model_construct(models=[], pairs=[], models_wrong=None, protocols=protocols)
