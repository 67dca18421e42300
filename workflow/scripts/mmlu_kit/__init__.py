"""The package that the kit's programs share: one module for each thing (questions, prompts, models, scoring, …)."""
