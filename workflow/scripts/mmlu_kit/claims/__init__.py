"""The claims audit: each claim and each number of the writeup against what was published and against a run."""
