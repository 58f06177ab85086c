// What the keyboard does on every page; the dialog #keys-dialog and the page /keyboard list it.
//
//   /            focuses the search of the page
//   ?            opens the list of keys
//   g, a letter  follows the link with that [data-key] in the menu

const GO_WITHIN_MS = 1500;
let goUntil = 0;

function focusSearch(event) {
  const search = document.querySelector('input[type="search"]');
  if (!search) return;
  event.preventDefault();
  search.focus();
}

function isForThePage(event) {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  return !(isTyping || hasModifier || document.querySelector("dialog[open]"));
}

document.addEventListener("keydown", (event) => {
  if (!isForThePage(event)) return;
  const isGoing = performance.now() < goUntil;
  goUntil = 0;
  if (isGoing) document.querySelector(`.side [data-key="${CSS.escape(event.key)}"]`)?.click();
  else if (event.key === "/") focusSearch(event);
  else if (event.key === "?") document.getElementById("keys-dialog").showModal();
  else if (event.key === "g") goUntil = performance.now() + GO_WITHIN_MS;
});
