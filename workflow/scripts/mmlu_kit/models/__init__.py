"""Models: loading, inspection and memory needs."""
