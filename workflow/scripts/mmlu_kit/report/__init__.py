"""The report: sentences, tables and figures."""
