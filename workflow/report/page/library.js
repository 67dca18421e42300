// The table library, imported from memory, as the page may not fetch anything; meanwhile the browser reads the explorer's data.
const library = import(
  URL.createObjectURL(new Blob([JSON.parse(document.getElementById("library").textContent)], { type: "text/javascript" })),
);
