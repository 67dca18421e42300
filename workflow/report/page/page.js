// The explorer of all questions. Questions and generated texts enter the page only as text nodes, never as HTML.
const LETTERS = "ABCD";
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

/** Format hundredths of a percent; null (not known) becomes a dash. */
const percent = (hundredths) => (hundredths === null ? "—" : `${(hundredths / 100).toFixed(2)}%`);

// One model's answer to question number i.
const answered = (model, i) => model.predicted[i] !== " ";
const lettered = (model, i) => answered(model, i) && model.predicted[i] !== "-"; // an imported answer may have no letter
const right = (data, model, i) => model.predicted[i] === data.gold[i];
const probability = (model, i, letter) => model.probabilities?.[LETTERS.length * i + LETTERS.indexOf(letter)] ?? null;
const OUTCOMES = {
  "": () => true,
  right: (data, model, i) => right(data, model, i),
  wrong: (data, model, i) => lettered(model, i) && !right(data, model, i),
  "generated-right": (data, model, i) => model.parsed[i] === data.gold[i],
  "generated-wrong": (data, model, i) => model.parsed[i] !== "-" && model.parsed[i] !== data.gold[i],
  unparsed: (data, model, i) => model.parsed[i] === "-",
};

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
  const sum = models.reduce((total, model) => total + probability(model, i, data.gold[i]), 0);
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

/** Question i in full: its text, its choices, and each model's answer with the letters' probabilities. */
function details(data, i) {
  const gold = data.gold[i];
  const choices = element("ol", { class: "choices" });
  data.choices.forEach((texts, number) => {
    const item = element("li", {}, element("span", { class: "text" }, texts[i]));
    if (LETTERS[number] === gold) {
      item.className = "gold";
      item.append(element("strong", {}, " ✓ right answer"));
    }
    choices.append(item);
  });
  const head = ["Model", ...LETTERS, "Other tokens", "Best letter", "Generated letter", "Generated text"].map((text, place) =>
    element("th", { scope: "col", class: place > 0 && place < 6 ? "number" : "" }, text),
  );
  const body = element("tbody");
  for (const model of data.models.filter((candidate) => answered(candidate, i))) {
    const row = element("tr", {}, element("th", { scope: "row" }, model.label));
    let other = model.probabilities ? 10000 : null;
    for (const letter of LETTERS) {
      const value = probability(model, i, letter);
      const cell = element("td", { class: letter === gold ? "number gold" : "number" }, percent(value));
      if (value !== null) {
        other -= value;
        cell.append(element("span", { class: "bar", style: `width: ${value / 100}%` }));
      }
      row.append(cell);
    }
    row.append(element("td", { class: "number" }, percent(other === null ? null : Math.max(0, other))));
    row.append(element("td", {}, mark(model.predicted[i], gold)), element("td", {}, mark(model.parsed[i], gold)));
    row.append(element("td", {}, element("code", {}, JSON.stringify(model.texts[model.generated[i]]))));
    body.append(row);
  }
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), body);
  const title = "Probability of each letter as the next token";
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
      ["num", "certainty", (i) => text(percent(certainty(data, chosen(), i))), (i) => certainty(data, chosen(), i) ?? -1],
    ].map(([type, name, display, value]) => (
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
  const texts = data.text.map((text, i) => [text, ...data.choices.map((choice) => choice[i])].join("\n").toLowerCase());
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
