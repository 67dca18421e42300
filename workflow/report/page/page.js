// The explorer of all questions.
const find = (id) => document.getElementById(id);
const json = (id) => JSON.parse(find(id).textContent);
const modelBoxes = () => [...find("models").querySelectorAll("input")];
const checkedModels = () => modelBoxes().filter((box) => box.checked);
const openers = (state = "") => [...find("questions").tBodies[0].querySelectorAll(`.opener${state}`)];
const LENGTHS = [10, 25, 50, 100];
const PAGE_LENGTH = 25;

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

/** Build the table; `chosen()` returns the models that the probability is of. */
function makeTable(DataTable, data, counts, chosen) {
  const show = (display, value) => (row, type) => (type === "display" ? display(row[0]) : value(row[0]));
  const text = (content) => document.createTextNode(content);
  // Wrong answers sort before right ones.
  const answer = (model, i) => `${Number(right(data, model, i))}${model.predicted[i]}`;
  const columns = [
    ["subject", "subject", "string", (i) => text(data.subjects[data.subject[i]]), (i) => data.subjects[data.subject[i]]],
    ["index", "index", "num", (i) => text(data.index[i]), (i) => data.index[i]],
    ["question", "question", "string", (i) => opener(data, i), (i) => data.text[i]],
    ["letter", "letter", "string", (i) => text(data.gold[i]), (i) => data.gold[i]],
    ...data.models.map((model) => [
      `model ${model.model}`, "model", "string", (i) => mark(model.predicted[i], data.gold[i]), (i) => answer(model, i),
    ]),
    ["wrong", "wrong", "num", (i) => text(`${counts[i].wrong} of ${counts[i].of}`), (i) => counts[i].wrong],
    ...(data.models.some((model) => model.probabilities) ? [[
      "certainty", "certainty", "num",
      (i) => text(hundredths(certainty(data, chosen(), i))), (i) => certainty(data, chosen(), i) ?? -1,
    ]] : []),
  ];
  // It depends on the chosen models: the table must not keep it.
  DataTable.ext.order.certainty = () => Array.from(data.subject, (_, i) => certainty(data, chosen(), i) ?? -1);
  const table = new DataTable("#questions", {
    data: Array.from(data.subject, (_, i) => [i]),
    autoWidth: false,
    deferRender: true,
    order: [],
    pageLength: PAGE_LENGTH,
    lengthMenu: LENGTHS,
    layout: { topStart: "info", topEnd: "pageLength", bottomStart: "paging", bottomEnd: null },
    language: { info: "_START_ to _END_ of _TOTAL_ questions", infoEmpty: "no questions", infoFiltered: "(of _MAX_)",
                lengthMenu: "_MENU_ per page", zeroRecords: "No question matches these filters." },
    columnDefs: [{ targets: "_all", searchable: false, defaultContent: "" }],
    columns: columns.map(([, name, type, display, value]) => (
      { type, className: name, data: show(display, value), orderDataType: name }
    )),
  });
  table.names = columns.map(([name]) => name);
  return table;
}

/** Open or close a question, given its button. */
function toggle(table, data, button) {
  const row = table.row(button.closest("tr"));
  const open = !row.child.isShown();
  if (open) row.child(details(data, row.data()[0]), "detail").show();
  else row.child.hide();
  button.setAttribute("aria-expanded", String(open));
}

/** Show the columns of the chosen models alone. */
function showModels(table, data) {
  const boxes = checkedModels();
  const chosen = boxes.map((box) => data.models[box.value]);
  const places = data.models.map((model) => table.names.indexOf(`model ${model.model}`));
  data.models.forEach((model, number) => {
    table.column(places[number]).visible(!chosen.length || chosen.includes(model), false);
  });
  table.columns.adjust();
  find("models").querySelector("summary").textContent = chosen.map((model) => model.label).join(", ") || "all";
  find("questions").classList.toggle("some-models", chosen.length > 0);
}

/** Close the list of models when the reader turns to something else. */
function closeModels() {
  const menu = find("models");
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("focusin", ({ target }) => {
    // A press on a name in the list moves the focus to what is around the list.
    if (!menu.contains(target) && !target.contains(menu)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

function listen(table, data, refresh) {
  const body = find("questions").tBodies[0];
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("reset", () => setTimeout(() => refresh(true)));
  find("filters").addEventListener("input", (event) => refresh(event.target.name === "model"));
  body.addEventListener("click", (event) => {
    const button = event.target.closest("tr")?.querySelector(".opener");
    if (!button || String(getSelection())) return;
    toggle(table, data, button);
    writeAddress(data, table);
  });
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches(".opener")) return;
    const listed = openers();
    listed[listed.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  });
}

async function start() {
  const data = json("data");
  const counts = countWrong(data);
  data.begins = beginnings(data.choices);
  let texts = null; // made at the first search
  const chosen = () => {
    const boxes = checkedModels();
    return boxes.length ? boxes.map((box) => data.models[box.value]) : data.models;
  };
  const { default: DataTable } = await library;
  const table = makeTable(DataTable, data, counts, chosen);
  let matching = [];
  table.search.fixed("filters", (_, __, i) => matching[i]);
  const filter = (modelsChanged) => {
    const filters = { subject: find("subject").value, models: chosen(), outcome: find("outcome").value };
    filters.allWrong = find("all-wrong").checked;
    filters.words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    if (filters.words.length) texts ??= data.text.map((text, i) => [text, ...data.choices[i]].join("\n").toLowerCase());
    matching = data.text.map((_, i) => matches(data, counts, texts, filters, i));
    if (!modelsChanged) return;
    const rendered = table.rows((_, __, row) => row).indexes().toArray();
    if (table.names.includes("certainty")) table.cells(rendered, table.names.indexOf("certainty")).invalidate();
    showModels(table, data);
  };
  const refresh = (modelsChanged) => {
    filter(modelsChanged);
    table.draw();
  };
  const follow = () => {
    const state = addressed();
    if (!state || location.hash === find("explorer").dataset.address) return false;
    readFilters(data, state);
    filter(true);
    readPlace(table, data, state);
    return true;
  };
  find("filters").hidden = find("questions").hidden = false;
  if (!follow()) refresh(false);
  table.on("draw", () => writeAddress(data, table));
  writeAddress(data, table);
  addEventListener("hashchange", follow);
  listen(table, data, refresh);
  closeModels();
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
}

start().catch((error) => {
  find("failure").textContent = `The explorer could not start: ${error.message}`;
  find("failure").hidden = false;
  throw error;
});
