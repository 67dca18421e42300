"""How results came to be, without anything personal."""
