"""Provenance: how results were made, without personal data."""
