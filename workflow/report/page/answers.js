// What the models answered, and which questions match the filters.
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

// One model's answer to question number i.
const answered = (model, i) => model.predicted[i] !== " ";
const lettered = (model, i) => answered(model, i) && model.predicted[i] !== "-"; // an imported answer may have no letter
const right = (data, model, i) => model.predicted[i] === data.gold[i];
const numberOf = (data, numbers, i, letter) => numbers?.[data.begins[i] + LETTERS.indexOf(letter)] ?? null;
const probability = (data, model, i, letter) => numberOf(data, model.probabilities, i, letter);
const OUTCOMES = {
  "": () => true,
  right: (data, model, i) => right(data, model, i),
  wrong: (data, model, i) => lettered(model, i) && !right(data, model, i),
  "generated-right": (data, model, i) => model.parsed?.[i] === data.gold[i],
  "generated-wrong": (data, model, i) => !!model.parsed && model.parsed[i] !== "-" && model.parsed[i] !== data.gold[i],
  unparsed: (data, model, i) => model.parsed?.[i] === "-",
};

/** Where each question's numbers begin in a list with as many for each as it has choices. */
function beginnings(choices) {
  let begin = 0;
  return choices.map((texts) => (begin += texts.length) - texts.length);
}

/** Count, for each question, the compared models that answered it with a letter and those that were wrong. */
function countWrong(data) {
  const compared = data.models.filter((model) => model.compared);
  return Array.from(data.subject, (_, i) => {
    const answering = compared.filter((model) => lettered(model, i));
    const wrong = answering.filter((model) => !right(data, model, i)).length;
    return { wrong, of: answering.length, all: wrong > 0 && wrong === compared.length };
  });
}

/** Return whether question i matches the form's `filters`; `texts` are the searchable texts in lower case. */
function matches(data, counts, texts, filters, i) {
  if (filters.subject !== "" && data.subject[i] !== Number(filters.subject)) return false;
  if (filters.allWrong && !counts[i].all) return false;
  if (!filters.words.every((word) => texts[i].includes(word))) return false;
  return filters.models.some((model) => answered(model, i) && OUTCOMES[filters.outcome](data, model, i));
}

/** Return the right letter's mean probability, in hundredths of a percent, over the chosen models that answered and whose
 * probabilities are known; null if there is none. */
function certainty(data, chosen, i) {
  const models = chosen.filter((model) => answered(model, i) && model.probabilities);
  const sum = models.reduce((total, model) => total + probability(data, model, i, data.gold[i]), 0);
  return models.length ? sum / models.length : null;
}

/** Return the prompts of question i, each once: its `messages` (role and text), the `form` it was written in, the number of
 * `examples`, whether these are `whole`ly there, and the `models` that it was sent to. */
function promptsOf(data, models, i) {
  const sent = new Map();
  for (const model of models.filter((candidate) => candidate.prompt !== null)) {
    const examples = Array.isArray(model.examples) ? model.examples[i] : model.examples;
    const key = `${model.prompt} ${examples}`;
    if (!sent.has(key)) sent.set(key, promptOf(data, data.prompts[model.prompt], examples, i));
    sent.get(key).models.push(model);
  }
  return [...sent.values()];
}

// White space as Python's str.strip() knows it.
const BLANK = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const ENDS = new RegExp(`^${BLANK}|${BLANK}$`, "g");

function promptOf(data, form, examples, i) {
  const text = form.stripped ? data.text[i].replace(ENDS, "") : data.text[i];
  const [first, ...others] = form.around[data.choices[i].length];
  const texts = [text, ...data.choices[i]];
  const question = first + others.map((fixed, place) => texts[place] + fixed).join("");
  const before = form.before[data.subjects[data.subject[i]]]?.[examples];
  // A chat's question is a message of its own; elsewhere it goes on where the text before it ends.
  const messages = form.preset === "chat" ? [...(before ?? []), ["user", question]] : [["", (before?.[0][1] ?? "") + question]];
  return { messages, form, examples, whole: before !== undefined, models: [] };
}
