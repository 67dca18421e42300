// The tabs, and the address that names the one shown: #explorer, or a heading in it. Without this script all parts are shown.
"use strict";
{
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const viewOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const scrolled = new Map();

  /** Show one part of the page and hide the others. */
  function show(view) {
    for (const tab of tabs) {
      const selected = viewOf(tab) === view;
      if (!selected && !viewOf(tab).hidden) scrolled.set(viewOf(tab), scrollY);
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      viewOf(tab).hidden = !selected;
    }
    reachScrollers(view);
  }

  /** Show the part that a reader chose, where they left it, and name it in the address. */
  function choose(tab) {
    const view = viewOf(tab);
    if (!view.hidden) return;
    show(view);
    remember("pushState", view.dataset.address ?? `#${view.id}`);
    scrollTo({ top: scrolled.get(view) ?? 0, behavior: "instant" });
  }

  /** Write an address into the browser's history; a page without an address of its own, as in a frame, has none. */
  function remember(method, address) {
    try {
      history[method](null, "", address);
    } catch {
      return;
    }
  }

  /** Return the element that the address names; null if there is none. */
  function named() {
    const [name] = location.hash.slice(1).split("?");
    try {
      return document.getElementById(decodeURIComponent(name));
    } catch {
      return document.getElementById(name);
    }
  }

  /** Show what the address names, opening all that is folded around it. */
  function open() {
    const target = named();
    const view = target?.closest(".view");
    if (!view) return;
    show(view);
    for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    if (target !== view) target.scrollIntoView({ behavior: "instant" });
    else if (view.dataset.address && location.hash === `#${view.id}`) remember("replaceState", view.dataset.address);
  }

  /** Make everything wider than the page scrollable with the keyboard. */
  function reachScrollers(view) {
    for (const part of view.querySelectorAll(".wide, pre")) {
      if (part.scrollWidth > part.clientWidth) part.setAttribute("tabindex", "0");
      else part.removeAttribute("tabindex");
    }
  }

  const bar = document.getElementById("bar");
  const menu = document.getElementById("menu");
  if (menu && !matchMedia("(min-width: 60rem)").matches) menu.open = false;
  for (const tab of tabs) {
    viewOf(tab).setAttribute("role", "tabpanel");
    viewOf(tab).setAttribute("aria-labelledby", tab.id);
    viewOf(tab).tabIndex = 0;
    tab.addEventListener("click", () => choose(tab));
  }
  bar.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    const tab = tabs[next % tabs.length];
    tab.focus();
    choose(tab);
    event.preventDefault();
  });
  addEventListener("hashchange", open);
  addEventListener("resize", () => reachScrollers(document));
  document.addEventListener("toggle", (event) => reachScrollers(event.target), { capture: true });
  bar.hidden = false;
  show(viewOf(tabs[0]));
  open();
}
