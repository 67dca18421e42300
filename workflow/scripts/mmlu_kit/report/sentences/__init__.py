"""The report's sentences, chosen by numbers and tests: the finding first, then the test and its p."""
