"""What the programs of the kit share: one module a thing (questions, prompts, models, scoring, …)."""
