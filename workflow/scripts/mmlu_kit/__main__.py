"""python -m mmlu_kit: the same as mmlu-kit."""

from mmlu_kit.cli.main import main

main()
