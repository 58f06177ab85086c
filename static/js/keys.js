// What the keyboard does on every page; the dialog #keys-dialog and the page /keyboard list it.
//
//   /            focuses the search of the whole lab; arrow down goes into what it found
//   f            focuses the search of the page
//   ?            opens the list of keys
//   g, a letter  follows the link with that [data-key] in the menu
//   j, k         go to the next and the last row of a list, by the link that opens it
//   x            picks the row, where rows can be picked
//   Escape       closes the menu around the focus
//
// And what had the focus keeps it when its part of the page is swapped.

const GO_WITHIN_MS = 1500;
let goUntil = 0;

function focusOn(event, selector) {
  const search = document.querySelector(selector);
  if (!search) return;
  event.preventDefault();
  search.focus();
}

const focusLab = (event) => focusOn(event, "#find-q");
const focusPage = (event) => focusOn(event, '.main input[type="search"]');

function step(event, by) {
  const rows = [...document.querySelectorAll(".data tbody tr:has(.lead a)")];
  const now = rows.indexOf(event.target.closest?.("tr"));
  const row = rows[now < 0 ? 0 : Math.min(Math.max(now + by, 0), rows.length - 1)];
  row?.querySelector(".lead a").focus();
}

function pick(event) {
  event.target.closest?.("tr")?.querySelector(".pickbox input")?.click();
}

const ON_KEY = { "/": focusLab, f: focusPage, j: (event) => step(event, 1), k: (event) => step(event, -1), x: pick };

function isForThePage(event) {
  const isTyping = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  return !(isTyping || hasModifier || document.querySelector("dialog[open]"));
}

document.addEventListener("keydown", (event) => {
  if (!isForThePage(event)) return;
  const isGoing = performance.now() < goUntil;
  goUntil = 0;
  if (isGoing) document.querySelector(`.side [data-key="${CSS.escape(event.key)}"]`)?.click();
  else if (event.key === "?") document.getElementById("keys-dialog").showModal();
  else if (event.key === "g") goUntil = performance.now() + GO_WITHIN_MS;
  else ON_KEY[event.key]?.(event);
});

// What the search of the lab found is a list of links: up and down go through it, Escape leaves it.
document.querySelector(".side-search")?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return document.activeElement.blur();
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return undefined;
  event.preventDefault();
  const stops = [...event.currentTarget.querySelectorAll("#find-q, .find-menu a")];
  const now = stops.indexOf(document.activeElement);
  return stops[Math.min(Math.max(now + by, 0), stops.length - 1)].focus();
});

/* ---------- menus ---------- */

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Not for a click in a dialog that a menu opened: the focus comes back to its entry.
document.addEventListener("click", ({ target }) => {
  if (target.closest("dialog")) return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
});

/* ---------- the focus over a swap ---------- */

let held = null; // what had the focus, in the part that is about to go

/** Return what of `part` is of the same kind and has the same words. */
function alike(part, elt) {
  const wordsOf = (one) => one.getAttribute("aria-label") || one.name || one.textContent.trim();
  return [...part.querySelectorAll(elt.tagName)].filter((one) => wordsOf(one) === wordsOf(elt));
}

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const elt = document.activeElement;
  held = target.id && target.contains(elt) ? { elt, part: target.id, nth: alike(target, elt).indexOf(elt) } : null;
});

// What has an id was found by htmx. Where the thing itself is gone, its part is the nearest.
document.addEventListener("htmx:afterSettle", () => {
  const part = held && document.activeElement === document.body && document.getElementById(held.part);
  if (!part) return;
  alike(part, held.elt)[held.nth]?.focus();
  held = null;
  if (document.activeElement !== document.body) return;
  part.tabIndex = -1;
  part.focus({ preventScroll: true });
});
