// The explorer's state in the page's address, so that a link shows the same questions:
// #explorer?search=…&subject=…&model=…&state=…&all-wrong=1&sort=wrong&down=1&length=50&page=2&open=anatomy/3

/** Return the explorer's part of the page's address; null if the address names something else. */
function addressed() {
  const [name, ...query] = location.hash.slice(1).split("?");
  return name === "explorer" && query.length ? new URLSearchParams(query.join("?")) : null;
}

/** Write the state into the address. While another tab is shown, the address waits for the reader's return. */
function writeAddress(data, table) {
  const state = new URLSearchParams();
  const set = (key, value) => value !== "" && state.append(key, value);
  set("search", find("search").value);
  set("subject", data.subjects[find("subject").value] ?? "");
  for (const box of checkedModels()) set("model", data.models[box.value].model);
  set("state", find("outcome").value);
  set("all-wrong", find("all-wrong").checked ? "1" : "");
  const [[column, direction] = []] = table.order();
  set("sort", direction ? table.names[column] : "");
  set("down", direction === "desc" ? "1" : "");
  set("length", table.page.len() === PAGE_LENGTH ? "" : table.page.len());
  set("page", table.page() ? table.page() + 1 : "");
  for (const button of openers("[aria-expanded=true]")) set("open", nameOf(table, data, button));
  const query = String(state);
  const address = query ? `#explorer?${query}` : "#explorer";
  find("explorer").dataset.address = address;
  if (find("explorer").hidden || location.hash === address) return;
  try {
    history.replaceState(null, "", address);
  } catch {
    return; // a page without an address of its own, as in a frame
  }
}

/** Set the filters as `state` says; what it says and the page does not have is left out. */
function readFilters(data, state) {
  const place = data.subjects.indexOf(state.get("subject"));
  const names = new Set(state.getAll("model"));
  find("search").value = state.get("search") ?? "";
  find("subject").value = place < 0 ? "" : place;
  for (const box of modelBoxes()) box.checked = names.has(data.models[box.value].model);
  find("outcome").value = state.get("state") ?? "";
  if (find("outcome").selectedIndex < 0) find("outcome").value = "";
  find("all-wrong").checked = state.has("all-wrong");
}

/** The name of a listed question, given its button: 'anatomy/3'. */
function nameOf(table, data, button) {
  const [i] = table.row(button.closest("tr")).data();
  return `${data.subjects[data.subject[i]]}/${data.index[i]}`;
}

/** Sort the table, turn to the page that `state` names, and open its questions. */
function readPlace(table, data, state) {
  const column = table.names.indexOf(state.get("sort"));
  table.order(column < 0 ? [] : [[column, state.has("down") ? "desc" : "asc"]]);
  const length = Number(state.get("length"));
  table.page.len(LENGTHS.includes(length) ? length : PAGE_LENGTH).draw();
  const page = Math.min(Number(state.get("page")) || 1, table.page.info().pages);
  if (Number.isInteger(page) && page > 1) table.page(page - 1).draw("page");
  const names = new Set(state.getAll("open"));
  const named = openers("[aria-expanded=false]").filter((button) => names.has(nameOf(table, data, button)));
  for (const button of named) toggle(table, data, button);
  named[0]?.scrollIntoView({ block: "center", behavior: "instant" });
}
