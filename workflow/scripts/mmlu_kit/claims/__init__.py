"""The claims audit: checks every claim and number of the writeup against its published numbers and against a run."""
