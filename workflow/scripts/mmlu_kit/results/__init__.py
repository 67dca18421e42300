"""A study's results: checked, merged, summarised, packed, exported."""
