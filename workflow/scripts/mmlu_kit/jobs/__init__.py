"""What the workflow's jobs need, and what is said about them; no torch."""
