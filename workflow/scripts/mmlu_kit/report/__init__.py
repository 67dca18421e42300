"""The report: what it says, shows and draws."""
