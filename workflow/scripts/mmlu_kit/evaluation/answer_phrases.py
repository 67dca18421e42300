"""How five languages state an answer: words as data, and the patterns that are made of them for a number of choices.

Each kind of word is the union over the languages, since their sentences have the same parts: 'La bonne réponse est la C' is an
adjective, a noun, a verb, an article and a letter. Words match in any case; letters are groups of the patterns.

The first four letters are read in any place in which a choice may stand. The others are words, units and symbols too, so they
are not read as a choice where they are the beginning of a term ('T cells', 'E. coli', 'F = ma'), and 'I' not as a pronoun.
"""

import re
from dataclasses import dataclass
from functools import cache

from mmlu_kit.settings import LETTERS

# English, German, French, Spanish, Chinese (simplified and traditional characters). Full-width forms are normalised beforehand.
_ANSWER = (
    r"answer|ans\.?|response|solution|Antwort|Lösung|réponse|solución|respuesta|答案|答"
    # Other languages in which a line such as 'Risposta: C' is common.
    r"|risposta|resposta|antwoord|odpowiedź|ответ|cevap|jawaban|jibu|đáp án"
    r"|回答|解答|答え|정답|답변|답|उत्तर|উত্তর|الإجابة|الجواب"
)
_OPTION = (
    r"option|choice|letter|alternative|selection|(?:Antwort)?möglichkeit|Antwortoption|Buchstabe|choix|lettre|proposition|opción|alternativa|letra"
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
    r"is|was|(?:would|must|should|will|has to|can only)(?: (?:therefore|then|thus|also))? be|seems(?: to be)?|appears to be"
    r"|ist|lautet|wäre|muss|est|serait|doit être|es|sería|debe ser"
    r"|应该是|應該是|应为|應為|应是|應是|就是|是|为|為|选择?|選擇?"
)
_ARTICLE = r"the|die|der|das|la|le|l['’]|el"
_ADVERB = (
    r"therefore|thus|clearly|definitely|probably|actually|simply|indeed|obviously|certainly|(?:most )?likely|also|somit|daher"
    r"|eindeutig|donc|bien|entonces|por (?:lo )?tanto"
)
_ONE = r"one|statement|的"
_OF_QUESTION = (
    r"here|I (?:would )?(?:choose|select|pick)|(?:to|for) (?:this|the|that) (?:\w{1,20} )?(?:question|problem)"
    r"|to question \d{1,4}|(?:from|among) (?:the|these) (?:options|choices)"
    r"|auf (?:diese|die) Frage|à (?:cette|la) question|a (?:esta|la) pregunta"
)
_CHOOSE = (
    r"choose|choosing|chose|pick|select|go with|going with|opt for|settle on|vote for|wähle|entscheide mich für|choisis"
    r"|choisirais|opte pour|elijo|escojo|elegiría|selecciono|应选择?|應選擇?|故选择?|故選擇?|选择?|選擇?"
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
_OR = r"or|oder|ou|或者?|还是|還是"
# 'I think it's C', 'That would be C', 'C'est la C', 'Es la C', 'I'd say C'.
_IT = (
    rf"(?:(?:so|then|thus|therefore|hence|well|wait|I(?: am|['’]m)? (?:think|believe|guess|sure|confident|certain)"
    rf"(?: that)?),? ){{0,3}}"
    rf"(?:(?:it|that|this)(?: (?:{_IS})|['’]s|['’]d be)|(?:es|das|dies) (?:ist|wäre)|c['’]est|ce serait|(?:es|sería)(?= la )"
    r"|I(?: would| will|['’]d|['’]ll)? (?:say|answer|guess|think|believe)(?: (?:that )?it(?: is|['’]s))?)"
)
_THEREFORE = (
    r"so|therefore|thus|hence|ergo|consequently|somit|daher|deshalb|folglich|donc|ainsi|entonces|por (?:lo )?tanto|así que"
    r"|definitely|probably|clearly|obviously|(?:most )?likely|所以是?|因此是?|故"
)
# Terms that begin with a letter: 'T cells', 'G protein', 'X chromosome', 'P value', 'E. coli', 'P. falciparum'.
_TERMS = (
    r"cells?|lymphocytes?|proteins?|chromosomes?|rays?|bonds?|ions?|channels?|waves?|tests?|values?|scores?|statistics?|axis"
    r"|intercept|terminus|phase|boats?|turns?|degrees?|shaped"
)
_SPECIES = (
    r"coli|pylori|influenzae|sapiens|falciparum|vivax|aeruginosa|aureus|pneumoniae|pyogenes|epidermidis|cerevisiae|pombe"
    r"|tuberculosis|leprae|gonorrhoeae|meningitidis|monocytogenes|cholerae|pallidum|gondii|cruzi|vaginalis|lamblia|histolytica"
    r"|faecalis|rex|musculus|norvegicus|spp?\."
)

# No letter, digit, accent or apostrophe touches a choice's letter: not C'est, d'abord, à, B12, C++, D-day, A.D.
BEFORE = r"(?<![A-Za-zÀ-ɏ0-9'’])"
AFTER = r"(?![A-Za-zÀ-ɏ0-9'’+#%°]|-\w|\.\s?[A-Za-z]\.)"
_NOUN = rf"(?:{_ANSWER}|{_OPTION})"
# Between the verb and the letter: 'the correct answer', 'la', 'donc la réponse'.
_LEAD = rf"(?:(?:{_ADVERB}) )?(?:(?:{_ARTICLE})\s?)?(?:(?:{_RIGHT})\s?)?(?:{_NOUN}\s?)?"
_BEGINS_TERM = rf"\.? (?:{_SPECIES})(?![a-z])| (?:{_TERMS})(?![a-z])|\s?[=<>≈^×]|/\w"
_FIRST_IN_TERM = r"(?<!tamin )(?<!titis )(?<!ype )(?<!tement )(?<!actor )(?<!lass )(?<!roup )"
_EXPLANATION = r"Explanation|Reason|Reasoning|Rationale|Justification"
# A word after 'I', except in 'The answer is I because …', shows that it is the pronoun.
_PRONOUN = rf"['’]| (?!(?:because|is|ist|est|es|weil|car|porque|it is|{_EXPLANATION})\b)\w"
# A sentence begins, and may end.
_START = r"(?:\A|(?<=\n)|(?<=[.!?:,;] ))"
_END = rf"(?=[.:!\n]|\Z|,? (?:{_BECAUSE})\b)"
_MARK = r").:,;|/–-"

# Stand for a letter that is not the answer, and for a list of letters.
REMOVED = "·"
REMOVED_LIST = f"…{REMOVED}"
# After a letter, these words show that it is no article: 'The answer is A because …'.
FOLLOWS = re.compile(rf" (?:{_BECAUSE}|{_IS})(?![A-Za-zÀ-ɏ])", re.IGNORECASE)
NAMES_A_CHOICE = re.compile(rf"(?:{_OPTION}) ?$", re.IGNORECASE)
# A line 'Answer: C' below a leading letter is the answer to a later question.
ANSWER_LINE = re.compile(rf"\n(?i:{_ANSWER}) ?:[^\n]*")
# 'A: The answer is C' and 'J. Smith said that the answer is C' do not begin with a choice.
NO_CHOICE = re.compile(r"[AQ]:|[E-Z]\. [A-Z][\w'’-]+ [a-z]")
# Numbered statements: 'I. … II. …'.
NUMERALS = re.compile(r"(?<!\w)(?:I{2,3}|IV|i{2,3}|iv)(?!\w)")
NUMERAL = re.compile(r"(?<![\w'’])[IVXivx](?![\w'’])")
# The beginning of a line that lists a choice.
ITEM = re.compile(r"\(?([A-Z])(?:[).:]|$)")


@dataclass(frozen=True)
class Patterns:
    """What is read in answers to questions with as many choices; the group of a match is its letter."""

    tag: re.Pattern[str]
    quoted: re.Pattern[str]
    begins: re.Pattern[str]
    begins_beyond: re.Pattern[str]
    begins_list: re.Pattern[str]
    lone: re.Pattern[str]
    several: re.Pattern[str]
    negations: tuple[re.Pattern[str], ...]
    statements: tuple[re.Pattern[str], ...]
    mentions: tuple[re.Pattern[str], ...]
    brackets: re.Pattern[str]
    alone: re.Pattern[str]


@cache
def patterns(letters: str) -> Patterns:
    """Return the patterns for questions with these letters, the first 2 to 26 of the alphabet."""
    first, others, beyond = letters[:4], letters[4:], LETTERS[len(letters) :]
    upper, lower = f"[{letters}]", f"[{letters.lower()}]"
    terms = _letters(others.replace("I", ""), rf"(?!{_BEGINS_TERM})")
    pronoun = _letters("I" if "I" in others else "", rf"(?!{_PRONOUN})")
    choice = rf"(?:[{first}]|{terms}|{pronoun})"
    # Lower-case letters beyond d are words of French and Spanish, and variables: not before a word.
    small = _letters(others.lower(), rf"(?! (?!(?:{_BECAUSE}|{_IS})\b)\w|{_BEGINS_TERM})")
    # A letter that the question does not have, where nothing else can be meant.
    no_choice = _letters(beyond, rf"(?!{_BEGINS_TERM})(?=\)?(?:[.,:!)\n]|\Z| (?:{_BECAUSE})\b))")
    letter = rf"\s?\(?\(?\s?([{first}{first.lower()}]|(?-i:{terms}|{pronoun}|{small})){AFTER}"
    stated = rf"\s?['\"“‘«]?\(?\(?\s?([{first}{first.lower()}]|(?-i:{terms}|{pronoun}|{small}|{no_choice})){AFTER}"
    # 'Choose N people'.
    chosen = rf"{stated}(?:(?<=[{first}{first.lower()}])|(?! (?!(?:{_BECAUSE}|{_IS})\b)[a-z]))"
    concluded = rf"\s?\(?\(?\s?((?-i:{choice})|{lower}(?=\))){AFTER}\)?"
    negated = rf"((?-i:{choice})|{lower}(?=\)))"
    # 'A or B', '(a), (b) and (c)', 'A、B': several choices, not a choice. So is 'A or E' if there is no E.
    and_ = rf"(?:\s?[,;|/&、–-]\s?(?:(?:{_BETWEEN})\s)?|\s(?:{_BETWEEN})\s|\s?(?:和|或者?|与|與|及|还是|還是|跟)\s?)"
    or_ = rf"\)? ?(?i:{_OR}) ?\(?"
    strange = _letters(beyond.replace("I", ""))
    in_bracket = _letters(others.lower(), r"(?=\))")
    small_item = rf"(?:\(?[{first.lower()}]\)?|\(?{in_bracket}\))"
    # A letter that nothing but marks, the end of the line or another such letter follows.
    lone = rf"(?:{upper}(?![\w'’])|{lower}(?=\)))(?=[ \t{_MARK}]*+(?:\n|\Z|\(?(?:{upper}(?![\w'’])|{lower}\))))"
    end_of_letter = (
        rf"(?!\.\s?[A-Za-z]\.)(?=\s?$|\s?[).:;,|–—、{{more}}]|\n| - |\t| (?:(?i:{_BECAUSE})|{_EXPLANATION})\b{{slash}})"
    )
    third = r"[^\n]{0,400}?[\s(]C\1\s" if len(letters) > 2 else ""
    return Patterns(
        tag=re.compile(rf"</?\|?(?!{upper}>)[A-Za-z_]{{1,40}}\|?>"),
        quoted=re.compile(rf"(?:['\"“„‘«「『<]|\\[(\[])\s?([{letters}{letters.lower()}])[.)]?\s?(?:['\"”“’»」』>]|\\[)\]])"),
        # What may follow a letter at the beginning: the end of the text, or something that cannot follow an article.
        begins=re.compile(
            rf"\(?\s?([{first}]{end_of_letter.format(more='/=', slash='')}"
            rf"|{terms}{end_of_letter.format(more='', slash='| / ')}"
            rf"|{pronoun}(?!\.\s?[A-Za-z]\.)(?=\s?$|\s?[).:]|\n|,? because\b| (?:{_EXPLANATION})\b)|{lower}(?=\)))"
        ),
        begins_beyond=re.compile(rf"\(?{_letters(beyond)}\)?[.:,]?(?=\n|\Z)"),
        # All choices, each on a line or all on one line; the last one may be cut off after its letter.
        begins_list=re.compile(
            rf"\(?A[).:](?:(?:(?!\n\(?A[).:])[\s\S])*?\n\(?(?:B(?:[).:]|\Z)|\Z)|(?<=(.))[^\n]{{0,400}}?[\s(]B\1\s{third})",
            re.IGNORECASE,
        ),
        lone=re.compile(rf"{BEFORE}\(?{lone}(?:[\s{_MARK}]++\(?{lone})*+"),
        several=re.compile(
            rf"{BEFORE}(?:\(?{choice}\)?(?:(?i:{and_})\(?{choice}\)?{AFTER})+"
            rf"|{small_item}(?:(?i:{and_}){small_item}{AFTER}(?! \w))+"
            rf"|\(?{choice}{or_}{strange}{AFTER}|\(?{strange}{or_}{choice}{AFTER})"
        ),
        negations=(
            _words(
                rf"(?:{BEFORE}(?:{_NOT})|n['’]t) ?(?:(?:be|necessarily|{_CHOOSE}|{_IS}) ?)?{_LEAD}"
                rf" ?['\"“‘«]?\(?\(? ?{negated}{AFTER}"
            ),
            _words(rf"{BEFORE}(?:{_WRONG})(?: ?{_NOUN})? ?(?:(?:{_IS}) ?:?|:)? ?{_LEAD}{letter}"),
            _words(
                rf"{BEFORE}(?:{_DOUBT}) ?(?:that |dass |que )?(?:(?:it|that|this)(?: is| was|['’]s) )?{_LEAD}"
                rf"(?:(?:{_IS}|was|were) ?)?{stated}"
            ),
            _words(rf"{BEFORE}{negated}\)?\.? ?(?:(?:{_OPTION}) ?)?(?:{_IS_NOT})"),
            _words(rf"{BEFORE}{negated}\)? ?\?"),
        ),
        # 'The answer is C', 'I choose C', 'the right one is C', 'C is correct', 'not A but C'; 'It's C', 'So, (C).', 'C it is'.
        statements=(
            _words(
                rf"{BEFORE}{_NOUN}\)?(?:\s(?:{_RIGHT}))?(?:\s(?:{_OF_QUESTION}))?"
                rf"(?:\s?(?:(?:{_IS})\s?:?|[:=→⇒–—-]{{1,3}}>?)|['’]s)\s?{_LEAD}:?{stated}"
            ),
            _words(rf"{BEFORE}(?:{_CHOOSE})\s?:?\s?(?:(?:{_ARTICLE})\s?)?(?:{_NOUN}\s?)?{chosen}"),
            _words(rf"{BEFORE}(?:{_RIGHT})(?: ?(?:{_ONE}))?(?:\s?{_NOUN})?\s?(?:(?:{_IS})\s?:?|:)\s?{_LEAD}{stated}"),
            _words(
                rf"{BEFORE}((?-i:[{first}]|{_FIRST_IN_TERM}(?:{terms}|{pronoun})))[).]?\s?(?:{_OPTION})?\s?"
                rf"(?:(?:{_IS})\s(?:(?:{_ARTICLE})\s?)?(?:{_RIGHT}|{_ANSWER})(?![A-Za-zÀ-ɏ])"
                r"|(?:是|为|為)?(?:正确|正確|对的|對的|答案))"
            ),
            _words(rf"{BEFORE}((?-i:{_letters(beyond)}))\)? (?:{_IS}) (?:(?:{_ARTICLE}) )?(?:(?:{_RIGHT}) )?{_NOUN}"),
            _words(rf"{REMOVED}\)?,? ?(?:but|sondern|mais|sino|而是) ?{_LEAD}{stated}"),
            _words(rf"{_START}{_IT}\s?:?\s?{_LEAD}{concluded}(?:{_END}|(?=,))"),
            _words(rf"{_START}(?:{_THEREFORE})[,:]?\s?{_LEAD}{concluded}{_END}"),
            _words(rf"{BEFORE}((?-i:{choice}))\)? it is{_END}"),
        ),
        # 'Option a', 'answer C', 'C选项'; an 'a' after 'respuesta' is the preposition.
        mentions=(
            _words(rf"{BEFORE}(?:{_OPTION}){letter}"),
            _words(
                rf"{BEFORE}(?:{_ANSWER})\)?\s?\(?\s?"
                rf"((?-i:{choice}|[{first[1:].lower()}])|a(?=\))|{in_bracket}){AFTER}"
            ),
            _words(rf"{BEFORE}((?-i:{choice}))\s?(?:选项|選項)"),
        ),
        # 'P(E)' and 'f(x)' are no choices.
        brackets=re.compile(rf"(?:(?<![\w^])|(?=\(\s?[{first}{first.lower()}]))\(\s?([{letters}{letters.lower()}])\s?\)"),
        alone=re.compile(rf"\(?({upper})[).,:;!]*"),
    )


def _letters(letters: str, condition: str = "") -> str:
    """Return a pattern for one of these letters under a condition on what follows; it matches nothing if there are none."""
    return rf"[{letters}]{condition}" if letters else "(?!)"


def _words(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of words in any case, between letters in the case that they are written in."""
    return re.compile(pattern, re.IGNORECASE)
