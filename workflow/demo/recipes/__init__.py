"""How the demo is made: facts, the questions written from them, and the tiny models trained on them."""
