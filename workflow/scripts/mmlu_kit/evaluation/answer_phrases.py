"""How five languages state an answer: words as data, and the patterns that are made of them.

Each kind of word is the union over the languages, since their sentences have the same parts: 'La bonne réponse est la C' is an
adjective, a noun, a verb, an article and a letter. Words match in any case; letters are groups of the patterns.
"""

import re

# English, German, French, Spanish, Chinese (simplified and traditional characters). Full-width forms are normalised beforehand.
_ANSWER = r"answer|response|solution|Antwort|Lösung|réponse|solución|respuesta|答案|答"
_OPTION = (
    r"option|choice|letter|(?:Antwort)?möglichkeit|Antwortoption|Buchstabe|choix|lettre|proposition|opción|alternativa|letra"
    r"|选项|選項|选择|選擇"
)
_RIGHT = (
    r"correct|right|best|true|(?:richtig|korrekt|wahr|beste)(?:e[nrs]?)?|correcte|bonne?|juste|exacte?|vraie?|meilleure?"
    r"|correct[ao]|ciert[ao]|verdader[ao]|mejor|正确的?|正確的?|对的?|對的?"
)
_WRONG = (
    r"wrong|incorrect|false|falsch(?:e[nrs]?)?|fausse|faux|incorrecte|mauvaise?|erronée?|incorrect[ao]|fals[ao]|erróne[ao]"
    r"|错误的?|錯誤的?|不正确的?|不正確的?"
)
_IS = (
    r"is|would be|must be|should be|seems|ist|lautet|wäre|muss|est|serait|doit être|es|sería|debe ser"
    r"|应该是|應該是|应为|應為|应是|應是|就是|是|为|為|选择?|選擇?"
)
_ARTICLE = r"the|die|der|das|la|le|l['’]|el"
_ADVERB = (
    r"therefore|thus|clearly|definitely|probably|(?:most )?likely|also|somit|daher|eindeutig"
    r"|donc|bien|entonces|por (?:lo )?tanto"
)
_ONE = r"one|的"
_OF_QUESTION = r"here|to (?:this|the) question|auf (?:diese|die) Frage|à (?:cette|la) question|a (?:esta|la) pregunta"
_CHOOSE = (
    r"choose|choosing|chose|pick|select|go with|going with|wähle|entscheide mich für|choisis|choisirais|opte pour"
    r"|elijo|escojo|elegiría|selecciono|应选择?|應選擇?|故选择?|故選擇?|选择?|選擇?"
)
_NOT = (
    r"not|never|neither|nor|except|cannot|rather than|instead of|unlike|eliminate|exclude|reject|rule out"
    r"|nicht|keine?|weder|noch|außer|statt|pas|ni|jamais|sauf|plutôt que|no|nunca|tampoco|excepto|salvo"
    r"|不会?|不會|不能|不应|並非|并非|而非|排除"
)
_DOUBT = (
    r"not (?:think|believe|say|sure|certain)|don['’]t (?:think|believe|say)|doubt|if|whether"
    r"|nicht,? dass|bezweifle,? dass|ob|wenn|pas que|doute que|dudo que|no creo que|si|如果|是否|不认为|不認為"
)
_IS_NOT = (
    r"(?:is|was|are|would be|seems|must be|can be|ist|est|es|是|为|為)? ?"
    rf"(?:(?:clearly|obviously|definitely|also|a|an|the) )?(?:{_WRONG}|eliminated|excluded|ruled out|discarded)"
    r"|(?:is|was|are|does|do|would|could|should|can|may|must)(?: not|n['’]t)|cannot|ist (?:nicht|keine?)|kann nicht"
    r"|n['’]est|no (?:es|puede|sería)|(?:是|为|為)?(?:不|错|錯|并非|並非)"
)
_BECAUSE = r"because|since|as|weil|denn|da|car|parce|puisque|porque|ya que|因为|因為"
_BETWEEN = r"or|and|to|through|und|oder|bis|et|ou|y|o"

# No letter, digit, accent or apostrophe touches a choice's letter: not C'est, d'abord, à, B12, C++, D-day, A.D.
BEFORE = r"(?<![A-Za-zÀ-ɏ0-9'’])"
AFTER = r"(?![A-Za-zÀ-ɏ0-9'’+#%°]|-\w|\.\s?[A-Za-z]\.)"
_LETTER = rf"\s?\(?\(?\s?([A-Da-d]){AFTER}"
_NOUN = rf"(?:{_ANSWER}|{_OPTION})"
# Between the verb and the letter: 'the correct answer', 'la', 'donc la réponse'.
_LEAD = rf"(?:(?:{_ADVERB}) )?(?:(?:{_ARTICLE})\s?)?(?:(?:{_RIGHT})\s?)?(?:{_NOUN}\s?)?"


def _words(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of words in any case, between letters in the case that they are written in."""
    return re.compile(pattern, re.IGNORECASE)


# Stand for a letter that is not the answer, and for a list of letters.
REMOVED = "·"
REMOVED_LIST = f"…{REMOVED}"
# 'The answer is C', 'I choose C', 'the right one is C', 'C is correct', 'not A but C'.
STATEMENTS = (
    _words(
        rf"{BEFORE}{_NOUN}\)?(?:\s(?:{_RIGHT}))?(?:\s(?:{_OF_QUESTION}))?\s?(?:(?:{_IS})\s?:?|[:=–—-])\s?{_LEAD}:?{_LETTER}"
    ),
    _words(rf"{BEFORE}(?:{_CHOOSE})\s?:?\s?(?:(?:{_ARTICLE})\s?)?(?:{_NOUN}\s?)?{_LETTER}"),
    _words(rf"{BEFORE}(?:{_RIGHT})(?: ?(?:{_ONE}))?(?:\s?{_NOUN})?\s?(?:(?:{_IS})\s?:?|:)\s?{_LEAD}{_LETTER}"),
    _words(
        rf"{BEFORE}((?-i:[A-D]))[).]?\s?(?:{_OPTION})?\s?"
        rf"(?:(?:{_IS})\s(?:(?:{_ARTICLE})\s?)?(?:{_RIGHT}|{_ANSWER})(?![A-Za-zÀ-ɏ])|(?:是|为|為)?(?:正确|正確|对的|對的|答案))"
    ),
    _words(rf"{REMOVED}\)?,? ?(?:but|sondern|mais|sino|而是) ?{_LEAD}{_LETTER}"),
)
# 'Option a', 'answer C', 'C选项'; an 'a' after 'respuesta' is the preposition.
MENTIONS = (
    _words(rf"{BEFORE}(?:{_OPTION}){_LETTER}"),
    _words(rf"{BEFORE}(?:{_ANSWER})\)?\s?\(?\s?((?-i:[A-Db-d])|a(?=\))){AFTER}"),
    _words(rf"{BEFORE}((?-i:[A-D]))\s?(?:选项|選項)"),
)

# Letters that are not the answer: 'not A', 'the wrong answer is A', 'if the answer is A', 'A is wrong', 'A?'.
NEGATIONS = (
    _words(
        rf"(?:{BEFORE}(?:{_NOT})|n['’]t) ?(?:(?:be|necessarily|{_CHOOSE}|{_IS}) ?)?{_LEAD} ?"
        rf"\(?\(? ?((?-i:[A-D])|[a-d](?=\))){AFTER}"
    ),
    _words(rf"{BEFORE}(?:{_WRONG})(?: ?{_NOUN})? ?(?:(?:{_IS}) ?:?|:)? ?{_LEAD}{_LETTER}"),
    _words(rf"{BEFORE}(?:{_DOUBT}) ?(?:that |dass |que )?{_LEAD}(?:(?:{_IS}|was|were) ?)?{_LETTER}"),
    _words(rf"{BEFORE}((?-i:[A-D])|[a-d](?=\)))\)?\.? ?(?:(?:{_OPTION}) ?)?(?:{_IS_NOT})"),
    _words(rf"{BEFORE}((?-i:[A-D])|[a-d](?=\)))\)? ?\?"),
)
# 'A or B', '(a), (b) and (c)', 'A、B': several choices, not a choice.
_AND = rf"(?:\s?[,;|/&、–-]\s?(?:(?:{_BETWEEN})\s)?|\s(?:{_BETWEEN})\s|\s?(?:和|或者?|与|與|及|还是|還是|跟)\s?)"
SEVERAL = re.compile(
    rf"{BEFORE}(?:\(?[A-D]\)?(?:(?i:{_AND})\(?[A-D]\)?{AFTER})+|\(?[a-d]\)?(?:(?i:{_AND})\(?[a-d]\)?{AFTER}(?! \w))+)"
)
# A letter that nothing but marks, the end of the line or another such letter follows, and all those that follow it.
_MARK = r").:,;|/–-"
_LONE = rf"(?:[A-D](?![\w'’])|[a-d](?=\)))(?=[ \t{_MARK}]*+(?:\n|\Z|\(?(?:[A-D](?![\w'’])|[a-d]\))))"
LONE_LETTERS = re.compile(rf"{BEFORE}\(?{_LONE}(?:[\s{_MARK}]++\(?{_LONE})*+")
# After a letter, these words show that it is no article: 'The answer is A because …'.
FOLLOWS = _words(rf" (?:{_BECAUSE}|{_IS})(?![A-Za-zÀ-ɏ])")
NAMES_A_CHOICE = _words(rf"(?:{_OPTION}) ?$")
BECAUSE = _BECAUSE
# A line 'Answer: C' below a leading letter is the answer to a later question.
ANSWER_LINE = re.compile(rf"\n(?i:{_ANSWER}) ?:[^\n]*")
