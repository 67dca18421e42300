"""Whether evaluations may stand side by side: the same questions, the same prompts, the same scoring."""

from collections.abc import Mapping

from mmlu_kit.user_errors import UserError

# A preset whose text depends on the model, through its chat template.
_OWN_TEXT = "chat"


def check(evaluations: Mapping[str, dict]) -> None:
    """A UserError that names two evaluations, by their keys, and what of data, prompts or scoring differs between them.

    Models that are asked in the same form must have been shown the same text; of imported answers no prompt and no scoring is
    known.
    """
    questions: dict[tuple, tuple[str, str]] = {}
    prompts: dict[tuple, tuple[str, str]] = {}
    scoring: tuple[str, int] | None = None
    numbers: dict[str, tuple[str, int]] = {}
    for name, evaluation in evaluations.items():
        subject = evaluation["subject"]
        known, number = numbers.setdefault(subject, (name, len(evaluation["records"])))
        if number != len(evaluation["records"]):
            counts = f"{len(evaluation['records'])} questions of {subject} where the other has {number}"
            raise _differs(name, known, "data", counts)
        for record in evaluation["records"]:
            key = (subject, record["index"])
            known, digest = questions.setdefault(key, (name, record["question_sha256"]))
            if digest != record["question_sha256"]:
                raise _differs(name, known, "data", f"question {record['index']} of {subject} is not the same")
            if evaluation["requested"] and evaluation["requested"]["preset"] != _OWN_TEXT:
                form = (*key, evaluation["requested"]["preset"], record["examples"])
                known, digest = prompts.setdefault(form, (name, record["prompt_sha256"]))
                if digest != record["prompt_sha256"]:
                    asked = f"for question {record['index']} of {subject} models were shown another text"
                    raise _differs(name, known, "prompts", asked)
        if evaluation["scoring"] is not None:
            known, version = scoring = scoring or (name, evaluation["scoring"])
            if version != evaluation["scoring"]:
                raise _differs(name, known, "scoring", f"version {evaluation['scoring']} beside version {version}")


def _differs(name: str, other: str, what: str, how: str) -> UserError:
    way_out = "make both with one version of the kit"
    return UserError(f"{name} and {other} differ in their {what} and are not merged: {how}; {way_out}")
