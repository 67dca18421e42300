"""The command mmlu-kit: one module for each subcommand."""
