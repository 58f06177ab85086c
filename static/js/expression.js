// The editor of expressions: names are completed by keyboard or by a click, and a button that
// holds a text writes it. Without this file the buttons send the form and the text comes back.
//
//   [data-expression]   the text area; #expression-complete lists what may be written next
//   [data-insert]       an option of it: takes the place of the name before the caret
//   [data-write]        a button whose value is the whole text

const area = () => document.querySelector("[data-expression]");
const options = () => [...document.querySelectorAll("#expression-complete [data-insert]")];
const selected = () => options().findIndex((option) => option.ariaSelected === "true");

function select(index) {
  const all = options();
  const now = (index + all.length) % all.length;
  all.forEach((option, place) => { option.ariaSelected = String(place === now); });
  all[now].scrollIntoView({ block: "nearest" });
  area().setAttribute("aria-activedescendant", all[now].id);
}

function close() {
  document.getElementById("expression-complete")?.replaceChildren();
  area()?.removeAttribute("aria-activedescendant");
}

function changed(text) {
  text.focus();
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

function insert(option) {
  const text = area();
  const begun = text.value.slice(0, text.selectionStart).match(/\$?\w*$/)[0];
  text.setRangeText(option.dataset.insert, text.selectionStart - begun.length, text.selectionEnd, "end");
  close();
  changed(text);
}

function write(button) {
  const text = area();
  text.value = button.value;
  text.setSelectionRange(text.value.length, text.value.length);
  close();
  changed(text);
}

const ON_KEY = {
  ArrowDown: () => select(selected() + 1),
  ArrowUp: () => select(Math.max(selected(), 0) - 1),
  Enter: () => (selected() < 0 ? false : insert(options()[selected()])),
  Escape: close,
};

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-expression]")) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (options().length && ON_KEY[event.key] && ON_KEY[event.key]() !== false) {
    event.preventDefault();
  }
});

document.addEventListener("mousedown", (event) => {
  if (event.target.closest("[data-insert]")) event.preventDefault(); // the caret stays where it is
});

document.addEventListener("click", (event) => {
  const option = event.target.closest("[data-insert]");
  const button = event.target.closest("[data-write]");
  if (button) event.preventDefault();
  if (option) insert(option);
  else if (button) write(button);
  else if (event.target !== area()) close();
});

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "expression-complete") detail.parameters.cursor = area().selectionStart;
});
