"""Models: loaded, inspected, and how much memory they need."""
