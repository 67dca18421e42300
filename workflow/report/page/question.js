// One question in full. Questions and generated texts enter the page only as text nodes, never as HTML.

/** Create an element with attributes and children; strings become text nodes. */
function element(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

/** Format hundredths, as a percentage or with another unit; null (not known) becomes a dash. */
const hundredths = (value, unit = "%") => (value === null ? "—" : `${(value / 100).toFixed(2)}${unit}`);

/** A letter marked as right or wrong, by shape and text and not by colour alone. */
function mark(letter, gold) {
  if (letter === " ") return element("span", { class: "mark" }, "–");
  if (letter === "-") return element("span", { class: "mark bad" }, "unparsed");
  const good = letter === gold;
  const marked = element("span", { class: `mark ${good ? "good" : "bad"}` }, letter, good ? " ✓" : " ✗");
  marked.append(element("span", { class: "unseen" }, good ? " right" : " wrong"));
  return marked;
}

/** Question i in full: its text; its choices, each with the models' numbers; the models' answers; the prompts. */
function details(data, i) {
  const models = data.models.filter((model) => answered(model, i));
  const title = numbersTitle(models);
  return element(
    "div",
    { class: "details" },
    element("p", { class: "text" }, data.text[i]),
    element("div", { class: "wide", role: "region", "aria-label": title, tabindex: "0" }, choicesTable(data, models, title, i)),
    ...promptsOf(data, models, i).map((prompt) => promptDetails(prompt, models)),
  );
}

/** What the numbers of these models are. */
function numbersTitle(models) {
  const cloze = models.filter((model) => !model.parsed);
  const orders = models.filter((model) => model.in_every_order).map((model) => model.label);
  return [
    ...(cloze.length < models.length ? ["Probability of each letter as the next token"] : []),
    ...(orders.length ? [`of ${orders.join(", ")} the mean over every order of the choices, among the letters`] : []),
    ...(cloze.length ? [`${cloze.length < models.length ? "log" : "Log"}-probability of each choice’s text`] : []),
  ].join("; ");
}

/** The choices, a row each, and the models, a column each; then what else is known of their answers. */
function choicesTable(data, models, title, i) {
  const gold = data.gold[i];
  const names = models.map((model) => element("th", { scope: "col" }, model.label));
  const body = element("tbody");
  const addRow = (head, cells, name = "") => {
    body.append(element("tr", { class: name }, element("th", { scope: "row" }, ...head), ...cells));
  };
  data.choices[i].forEach((text, number) => {
    const letter = LETTERS[number];
    const good = letter === gold;
    const head = [element("span", { class: "key" }, letter), " ", element("span", { class: "text" }, text)];
    if (good) head.push(element("strong", {}, " ✓ right answer"));
    addRow(head, models.map((model) => choiceCell(data, model, i, letter)), good ? "choice gold" : "choice");
  });
  const letters = models.some((model) => model.parsed);
  if (letters) addRow(["Other tokens"], models.map((model) => element("td", {}, hundredths(otherTokens(data, model, i)))));
  const best = models.every((model) => model.parsed) ? "Best letter" : "Best answer";
  addRow([best], models.map((model) => element("td", {}, mark(model.predicted[i], gold))));
  if (letters) {
    addRow(["Generated letter"], models.map((model) => element("td", {}, model.parsed ? mark(model.parsed[i], gold) : "—")));
    addRow(["Generated text"], models.map((model) => element("td", {}, generatedText(model, i))));
  }
  const head = element("tr", {}, element("th", { scope: "col" }, "Choice"), ...names);
  return element("table", {}, element("caption", {}, title), element("thead", {}, head), body);
}

/** A model's number for a choice; the choice that it prefers is marked. */
function choiceCell(data, model, i, letter) {
  const value = probability(data, model, i, letter);
  const shown = model.parsed ? hundredths(value) : hundredths(numberOf(data, model.logprobs, i, letter), "");
  const cell = element("td", {}, shown);
  if (model.predicted[i] === letter) {
    cell.className = letter === data.gold[i] ? "best good" : "best bad";
    cell.append(element("span", {}, letter === data.gold[i] ? " ✓" : " ✗"), element("span", { class: "unseen" }, " best"));
  }
  if (value !== null) cell.append(element("span", { class: "bar", style: `width: ${value / 100}%` }));
  return cell;
}

/** Return the probability of all tokens but the letters. Means over several orders are shares among the letters: they have
 * none. */
function otherTokens(data, model, i) {
  if (!model.probabilities || model.in_every_order) return null;
  const begin = data.begins[i];
  const letters = model.probabilities.slice(begin, begin + data.choices[i].length);
  return Math.max(0, 10000 - letters.reduce((sum, value) => sum + value, 0));
}

/** A generated text in quotation marks. */
function generatedText(model, i) {
  return model.parsed ? element("code", {}, JSON.stringify(model.texts[model.generated[i]])) : "—";
}

/** A prompt as it was sent to some of the models that answered, folded. */
function promptDetails({ messages, form, examples, whole, models }, answering) {
  const number = examples === 1 ? "1 few-shot example" : `${examples} few-shot examples`;
  const options = JSON.stringify(form.template_arguments);
  const notes = [
    ...(whole ? [] : [`The text before this part, with ${number}, is left out.`]),
    ...(form.preset === "chat" ? ["The model’s chat template writes these messages as one text."] : []),
    ...(options === "{}" ? [] : [`Arguments of the template: ${options}.`]),
    ...(form.every_order ? ["This is the first of the orders in which the choices were shown: each was asked."] : []),
    ...(form.cloze ? ["Each choice’s text was scored as the continuation of this prompt."] : []),
  ];
  const names = models.map((model) => model.label).join(", ");
  const title = models.length > 1 && models.length === answering.length ? "Prompt of all models" : `Prompt of ${names}`;
  return element(
    "details",
    { class: "prompt" },
    element("summary", {}, `${title} (${form.preset}, ${number})`),
    ...(notes.length ? [element("p", { class: "note" }, notes.join(" "))] : []),
    ...messages.flatMap(([role, text]) => [
      ...(role ? [element("p", { class: "role" }, role)] : []),
      element("pre", { tabindex: "0", "aria-label": role || "prompt", role: "region" }, element("code", {}, text)),
    ]),
  );
}
