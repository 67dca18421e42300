"""The command mmlu-kit: one module a subcommand, each with what only people run."""
