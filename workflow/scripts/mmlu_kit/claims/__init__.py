"""The claims audit: checks every claim and number of a publication against its published numbers and against a run."""
