"""Made-up values of facts, in endless variety, so that a model must copy them from the conversation."""

import random
from collections.abc import Collection

# Weighted by repetition: single letters are more common than clusters, as in European languages.
ONSETS = (
    [""] * 3
    + list("bcdfghjklmnprstvwyz") * 3
    + "bl br ch cl cr dr fl fr gl gr kn ph pl pr qu sc sh sk sl sm sn sp st str sw th tr tw wh x zh".split()
)
VOWELS = list("aeiou") * 5 + "ai au ea ee ei eu ia ie io oa oi oo ou ue ui y".split()
CODAS = [""] * 14 + list("dgklmnprstx") + "ch ck ff ft ld ll lt mp nd ng nk nt rd rk rn rt sh ss st th tt zz".split()
MONTHS = "January February March April May June July August September October November December".split()


def word(chance: random.Random, capital: bool) -> str:
    """A pronounceable word of one to four syllables."""
    syllables = chance.choices((1, 2, 3, 4), (3, 8, 4, 1))[0]
    made = "".join(chance.choice(ONSETS) + chance.choice(VOWELS) + chance.choice(CODAS) for _ in range(syllables))
    return made.capitalize() if capital else made


def number(chance: random.Random) -> str:
    """A number of three to six digits, four most often, that may begin with zeros."""
    return "".join(chance.choices("0123456789", k=chance.choice((3, 4, 4, 4, 4, 5, 6))))


def date(chance: random.Random) -> str:
    """A day and a month."""
    return f"{chance.randint(1, 28)} {chance.choice(MONTHS)}"


def like(examples: Collection[str], held_out: Collection[str], chance: random.Random) -> str:
    """A value of the same form as the examples (a number, date or word) that is not, in lower case, in `held_out`."""
    example = chance.choice(sorted(examples))
    while True:
        if example.isdecimal():
            made = number(chance)
        elif example[0].isdecimal():
            made = date(chance)
        else:
            # Sometimes in the other case, so that the model learns to copy a value as it was written.
            made = word(chance, example[0].isupper() != (chance.random() < 0.1))
        if len(made) > 1 and made.lower() not in held_out:
            return made
