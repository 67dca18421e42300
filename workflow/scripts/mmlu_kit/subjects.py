"""Names of subjects: the form that all have, and MMLU's 57 (Hendrycks et al., https://arxiv.org/abs/2009.03300)."""

import re
import unicodedata

NAME = "^[a-z0-9][a-z0-9_.-]{0,99}$"  # of files too
SUBJECTS = tuple(
    """
    abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security
    conceptual_physics econometrics electrical_engineering elementary_mathematics formal_logic global_facts
    high_school_biology high_school_chemistry high_school_computer_science high_school_european_history
    high_school_geography high_school_government_and_politics high_school_macroeconomics
    high_school_mathematics high_school_microeconomics high_school_physics high_school_psychology
    high_school_statistics high_school_us_history high_school_world_history human_aging human_sexuality
    international_law jurisprudence logical_fallacies machine_learning management marketing medical_genetics
    miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory professional_accounting
    professional_law professional_medicine professional_psychology public_relations security_studies sociology
    us_foreign_policy virology world_religions
    """.split()
)


def title(subject: str) -> str:
    """The subject as written in prose: 'college_biology' -> 'college biology'."""
    return subject.replace("_", " ")


def name(title: str) -> str:
    """A subject's name by its title in a question set: 'Health & Safety' -> 'health_safety'.

    Letters lose their accents ('Física' -> 'fisica'). Runs of characters other than letters a-z, digits, '.' and '-' are one
    '_'; a title of these alone gives ''.
    """
    letters = "".join(one for one in unicodedata.normalize("NFKD", title.lower()) if not unicodedata.combining(one))
    return re.sub("[^a-z0-9.-]+", "_", letters).strip("_.-")


def is_name(text: str) -> bool:
    """Whether a text is the name of a subject."""
    return re.fullmatch(NAME, text) is not None
