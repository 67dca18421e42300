"""What the answers mean: statistics on mistakes, subjects, timing setups and stability."""
