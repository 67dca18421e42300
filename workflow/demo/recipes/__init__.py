"""Recipes for the demo study: facts, the questions made from them, and the tiny models trained on them."""
