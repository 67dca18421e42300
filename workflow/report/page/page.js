// The explorer of all questions. Questions and generated texts enter the page only as text nodes, never as HTML.
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const find = (id) => document.getElementById(id);
const json = (id) => JSON.parse(find(id).textContent);

/** Create an element with attributes and children; strings become text nodes. */
function element(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

/** Import the table library from memory, as the page may not fetch anything. */
async function library() {
  const url = URL.createObjectURL(new Blob([json("library")], { type: "text/javascript" }));
  const { default: DataTable } = await import(url);
  URL.revokeObjectURL(url);
  return DataTable;
}

/** Format hundredths, as a percentage or with another unit; null (not known) becomes a dash. */
const hundredths = (value, unit = "%") => (value === null ? "—" : `${(value / 100).toFixed(2)}${unit}`);

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
  const models = filters.model === "" ? data.models : [data.models[filters.model]];
  return models.some((model) => answered(model, i) && OUTCOMES[filters.outcome](data, model, i));
}

/** Return the right letter's mean probability, in hundredths of a percent, over the chosen models that answered and whose
 * probabilities are known; null if there is none. */
function certainty(data, chosen, i) {
  const models = chosen.filter((model) => answered(model, i) && model.probabilities);
  const sum = models.reduce((total, model) => total + probability(data, model, i, data.gold[i]), 0);
  return models.length ? sum / models.length : null;
}

/** A letter marked as right or wrong, by shape and text and not by colour alone. */
function mark(letter, gold, model = "") {
  if (letter === " ") return element("span", { class: "mark" }, "–");
  if (letter === "-") return element("span", { class: "mark bad" }, "unparsed");
  const good = letter === gold;
  const marked = element("span", { class: `mark ${good ? "good" : "bad"}`, title: model }, letter, good ? " ✓" : " ✗");
  marked.append(element("span", { class: "unseen" }, good ? " right" : " wrong"));
  return marked;
}

/** The button that opens a question. */
function opener(data, i) {
  const where = `${data.subjects[data.subject[i]]} ${data.index[i]}`;
  return element(
    "button",
    { type: "button", class: "opener", "aria-expanded": "false" },
    element("span", { class: "where" }, where),
    element("span", { class: "text" }, data.text[i]),
  );
}

/** Question i in full: its text, its choices, and each model's answer with the letters' probabilities or, if its prompt shows
 * no letters, the texts' log-probabilities. */
function details(data, i) {
  const gold = data.gold[i];
  const choices = element("ol", { class: "choices" });
  const letters = [...LETTERS.slice(0, data.choices[i].length)];
  const models = data.models.filter((candidate) => answered(candidate, i));
  const cloze = models.filter((model) => !model.parsed);
  const lettered = models.length > cloze.length;
  const orders = models.filter((model) => model.in_every_order).map((model) => model.label);
  data.choices[i].forEach((text, number) => {
    const item = element("li", {}, element("span", { class: "text" }, text));
    if (LETTERS[number] === gold) {
      item.className = "gold";
      item.append(element("strong", {}, " ✓ right answer"));
    }
    choices.append(item);
  });
  const numbers = [...letters, ...(lettered ? ["Other tokens"] : [])];
  const others = [cloze.length ? "Best answer" : "Best letter", ...(lettered ? ["Generated letter", "Generated text"] : [])];
  const head = ["Model", ...numbers, ...others].map((text, place) =>
    element("th", { scope: "col", class: place > 0 && place <= numbers.length ? "number" : "" }, text),
  );
  const body = element("tbody");
  for (const model of models) {
    const row = element("tr", {}, element("th", { scope: "row" }, model.label));
    // Means over several orders are shares among the letters, so other tokens have none.
    let other = model.probabilities && !model.in_every_order ? 10000 : null;
    for (const letter of letters) {
      const value = probability(data, model, i, letter);
      const shown = model.parsed ? hundredths(value) : hundredths(numberOf(data, model.logprobs, i, letter), "");
      const cell = element("td", { class: letter === gold ? "number gold" : "number" }, shown);
      if (value !== null) {
        if (other !== null) other -= value;
        cell.append(element("span", { class: "bar", style: `width: ${value / 100}%` }));
      }
      row.append(cell);
    }
    if (lettered) row.append(element("td", { class: "number" }, hundredths(other === null ? null : Math.max(0, other))));
    row.append(element("td", {}, mark(model.predicted[i], gold)));
    if (lettered) {
      row.append(element("td", {}, model.parsed ? mark(model.parsed[i], gold) : "—"));
      const text = model.parsed ? element("code", {}, JSON.stringify(model.texts[model.generated[i]])) : "—";
      row.append(element("td", {}, text));
    }
    body.append(row);
  }
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), body);
  const title = [
    ...(lettered ? ["Probability of each letter as the next token"] : []),
    ...(orders.length ? [`of ${orders.join(", ")} the mean over every order of the choices, among the letters`] : []),
    ...(cloze.length ? [`${lettered ? "log" : "Log"}-probability of each choice’s text`] : []),
  ].join("; ");
  return element(
    "div",
    { class: "details" },
    element("p", { class: "text" }, data.text[i]),
    choices,
    element("h3", {}, title),
    element("div", { class: "wide", role: "region", "aria-label": title, tabindex: "0" }, table),
  );
}

/** Build the table; `chosen()` returns the models whose letters and probabilities it shows. */
function makeTable(DataTable, data, counts, chosen) {
  const show = (display, value) => (row, type) => (type === "display" ? display(row[0]) : value(row[0]));
  const text = (content) => document.createTextNode(content);
  const letters = (models, i) => models.map((model) => mark(model.predicted[i], data.gold[i], model.label));
  return new DataTable("#questions", {
    data: Array.from(data.subject, (_, i) => [i]),
    autoWidth: false,
    deferRender: true,
    order: [],
    pageLength: 25,
    lengthMenu: [10, 25, 50, 100],
    layout: { topStart: "info", topEnd: "pageLength", bottomStart: "paging", bottomEnd: null },
    language: { info: "_START_ to _END_ of _TOTAL_ questions", infoEmpty: "no questions", infoFiltered: "(of _MAX_)",
                lengthMenu: "_MENU_ per page", zeroRecords: "No question matches these filters." },
    columnDefs: [{ targets: "_all", searchable: false, defaultContent: "" }],
    columns: [
      ["string", "subject", (i) => text(data.subjects[data.subject[i]]), (i) => data.subjects[data.subject[i]]],
      ["num", "index", (i) => text(data.index[i]), (i) => data.index[i]],
      ["string", "question", (i) => opener(data, i), (i) => data.text[i]],
      ["string", "letter", (i) => text(data.gold[i]), (i) => data.gold[i]],
      ["string", "letters", (i) => element("span", {}, ...letters(chosen(), i)), () => ""],
      ["num", "wrong", (i) => text(`${counts[i].wrong} of ${counts[i].of}`), (i) => counts[i].wrong],
      ["num", "certainty", (i) => text(hundredths(certainty(data, chosen(), i))), (i) => certainty(data, chosen(), i) ?? -1],
    ]
      .filter(([, name]) => name !== "certainty" || data.models.some((model) => model.probabilities))
      .map(([type, name, display, value]) => (
        { type, className: name, orderable: name !== "letters", data: show(display, value) }
      )),
  });
}

/** Open or close a question, given its button. */
function toggle(table, data, button) {
  const row = table.row(button.closest("tr"));
  const open = !row.child.isShown();
  if (open) row.child(details(data, row.data()[0]), "detail").show();
  else row.child.hide();
  button.setAttribute("aria-expanded", String(open));
}

function listen(table, data, refresh) {
  const body = find("questions").tBodies[0];
  const reset = () => setTimeout(() => refresh(true));
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("reset", reset);
  find("filters").addEventListener("input", (event) => refresh(event.target.id === "model"));
  body.addEventListener("click", (event) => {
    const button = event.target.closest("tr")?.querySelector(".opener");
    if (button && !String(getSelection())) toggle(table, data, button);
  });
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches(".opener")) return;
    const openers = [...body.querySelectorAll(".opener")];
    openers[openers.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  });
}

/** Make everything wider than the page scrollable with the keyboard. */
function reachScrollers() {
  for (const part of document.querySelectorAll("main .wide, main pre")) {
    if (part.scrollWidth > part.clientWidth) part.setAttribute("tabindex", "0");
    else part.removeAttribute("tabindex");
  }
}

async function start() {
  if (!matchMedia("(min-width: 60rem)").matches) find("menu").open = false;
  reachScrollers();
  addEventListener("resize", reachScrollers);
  const data = json("data");
  const counts = countWrong(data);
  data.begins = beginnings(data.choices);
  const texts = data.text.map((text, i) => [text, ...data.choices[i]].join("\n").toLowerCase());
  const chosen = () => (find("model").value === "" ? data.models : [data.models[find("model").value]]);
  const table = makeTable(await library(), data, counts, chosen);
  let matching = [];
  table.search.fixed("filters", (_, __, i) => matching[i]);
  const refresh = (modelChanged) => {
    const filters = { subject: find("subject").value, model: find("model").value, outcome: find("outcome").value };
    filters.allWrong = find("all-wrong").checked;
    filters.words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    matching = data.text.map((_, i) => matches(data, counts, texts, filters, i));
    if (modelChanged) table.rows().invalidate();
    table.draw();
  };
  refresh(false);
  listen(table, data, refresh);
  find("filters").hidden = find("questions").hidden = false;
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
}

start().catch((error) => {
  find("failure").textContent = `The explorer could not start: ${error.message}`;
  find("failure").hidden = false;
  throw error;
});
