"""Words with which answers are stated in five languages, as data.

Each kind of word is the union over the languages, since their sentences have the same parts: 'La bonne réponse est la C' is an
adjective, a noun, a verb, an article and a letter.
"""

# English, German, French, Spanish, Chinese (simplified and traditional characters). Full-width forms are normalised beforehand.
ANSWER = (
    r"answer|ans\.?|response|solution|Antwort|Lösung|réponse|solución|respuesta|答案|答"
    # Other languages in which a line such as 'Risposta: C' is common.
    r"|risposta|resposta|antwoord|odpowiedź|ответ|cevap|jawaban|jibu|đáp án"
    r"|回答|解答|答え|정답|답변|답|उत्तर|উত্তর|الإجابة|الجواب"
)
OPTION = (
    r"option|choice|letter|alternative|selection|(?:Antwort)?möglichkeit|Antwortoption|Buchstabe|choix|lettre|proposition|opción|alternativa|letra"
    r"|选项|選項|选择|選擇"
)
RIGHT = (
    r"correct|right|best|true|(?:richtig|korrekt|wahr|beste)(?:e[nrs]?)?|correcte|bonne?|juste|exacte?|vraie?|meilleure?"
    r"|correct[ao]|ciert[ao]|verdader[ao]|mejor|正确的?|正確的?|对的?|對的?"
)
WRONG = (
    r"wrong|incorrect|false|falsch(?:e[nrs]?)?|fausse|faux|incorrecte|mauvaise?|erronée?|incorrect[ao]|fals[ao]|erróne[ao]"
    r"|错误的?|錯誤的?|不正确的?|不正確的?"
)
IS = (
    r"is|was|(?:would|must|should|will|has to|can only)(?: (?:therefore|then|thus|also))? be|seems(?: to be)?|appears to be"
    r"|ist|lautet|wäre|muss|est|serait|doit être|es|sería|debe ser"
    r"|应该是|應該是|应为|應為|应是|應是|就是|是|为|為|选择?|選擇?"
)
ARTICLE = r"the|die|der|das|la|le|l['’]|el"
ADVERB = (
    r"therefore|thus|clearly|definitely|probably|actually|simply|indeed|obviously|certainly|(?:most )?likely|also|somit|daher"
    r"|eindeutig|donc|bien|entonces|por (?:lo )?tanto"
)
ONE = r"one|statement|的"
OF_QUESTION = (
    r"here|I (?:would )?(?:choose|select|pick)|(?:to|for) (?:this|the|that|your) (?:\w{1,20} )?(?:question|problem)"
    r"|to question \d{1,4}|(?:from|among) (?:the|these) (?:options|choices)"
    r"|auf (?:diese|die) Frage|à (?:cette|la) question|a (?:esta|la) pregunta"
)
CHOOSE = (
    r"choose|choosing|chose|pick|select|go with|going with|opt for|settle on|vote for|wähle|entscheide mich für|choisis"
    r"|choisirais|opte pour|elijo|escojo|elegiría|selecciono|应选择?|應選擇?|故选择?|故選擇?|选择?|選擇?"
)
NOT = (
    r"not|never|neither|nor|except|cannot|rather than|instead of|unlike|eliminate|exclude|reject|rule out"
    r"|nicht|keine?|weder|noch|außer|statt|pas|ni|jamais|sauf|plutôt que|no|nunca|tampoco|excepto|salvo"
    r"|不会?|不會|不能|不应|並非|并非|而非|排除"
)
DOUBT = (
    r"not (?:think|believe|say|sure|certain)|don['’]t (?:think|believe|say)|doubt|if|whether"
    r"|nicht,? dass|bezweifle,? dass|ob|wenn|pas que|doute que|dudo que|no creo que|si|如果|是否|不认为|不認為"
)
IS_NOT = (
    r"(?:is|was|are|would be|seems|must be|can be|ist|est|es|是|为|為)? ?"
    rf"(?:(?:clearly|obviously|definitely|also|a|an|the) )?(?:{WRONG}|eliminated|excluded|ruled out|discarded)"
    r"|(?:is|was|are|does|do|would|could|should|can|may|must)(?: not|n['’]t)|cannot|ist (?:nicht|keine?)|kann nicht"
    r"|n['’]est|no (?:es|puede|sería)|(?:是|为|為)?(?:不|错|錯|并非|並非)"
)
BECAUSE = r"because|since|as|weil|denn|da|car|parce|puisque|porque|ya que|因为|因為"
BETWEEN = r"or|and|to|through|und|oder|bis|et|ou|y|o"
OR = r" (?:or|oder|ou|o) | ?(?:或者?|还是|還是) ?"
# 'I think it's C', 'That would be C', 'C'est la C', 'Es la C', 'I'd say C'.
IT = (
    rf"(?:(?:so|then|thus|therefore|hence|well|wait|I(?: am|['’]m)? (?:think|believe|guess|sure|confident|certain)"
    rf"(?: that)?),? ){{0,3}}"
    rf"(?:(?:it|that|this)(?: (?:{IS})|['’]s|['’]d be)|(?:es|das|dies) (?:ist|wäre)|c['’]est|ce serait|(?:es|sería)(?= la )"
    r"|I(?: would| will|['’]d|['’]ll)? (?:say|answer|guess|think|believe)(?: (?:that )?it(?: is|['’]s))?)"
)
THEREFORE = (
    r"so|therefore|thus|hence|ergo|consequently|somit|daher|deshalb|folglich|donc|ainsi|entonces|por (?:lo )?tanto|así que"
    r"|definitely|probably|clearly|obviously|(?:most )?likely|所以是?|因此是?|故"
)
# Terms that begin with a letter: 'T cells', 'G protein', 'X chromosome', 'P value', 'E. coli', 'P. falciparum'.
TERMS = (
    r"cells?|lymphocytes?|proteins?|chromosomes?|rays?|bonds?|ions?|channels?|waves?|tests?|values?|scores?|statistics?|axis"
    r"|intercept|terminus|phase|boats?|turns?|degrees?|shaped"
)
SPECIES = (
    r"coli|pylori|influenzae|sapiens|falciparum|vivax|aeruginosa|aureus|pneumoniae|pyogenes|epidermidis|cerevisiae|pombe"
    r"|tuberculosis|leprae|gonorrhoeae|meningitidis|monocytogenes|cholerae|pallidum|gondii|cruzi|vaginalis|lamblia|histolytica"
    r"|faecalis|rex|musculus|norvegicus|spp?\."
)
# What small models write after a letter: 'C Explanation: …'.
EXPLANATION = r"Explanation|Reason|Reasoning|Rationale|Justification"
