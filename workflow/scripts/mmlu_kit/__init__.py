"""The package that the kit's programs share: one module for each thing (questions, prompts, models, scoring, …)."""

from mmlu_kit import hub_address, interrupts

if interrupts.a_program_is_importing():
    # Every program imports the package before anything that takes long.
    interrupts.install()
hub_address.check()
