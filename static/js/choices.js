// A long list of ticks is searched: what does not match is hidden, its headings too.
//
//   [data-find="#list"]   a field that stays hidden without script; its input searches the list

function find(field) {
  const words = field.querySelector("input").value.trim().toLowerCase().split(/\s+/);
  const list = document.querySelector(field.dataset.find);
  for (const group of list.querySelectorAll("details")) {
    let shown = 0;
    for (const one of group.querySelectorAll("li")) {
      const text = one.textContent.toLowerCase();
      one.hidden = !words.every((word) => text.includes(word));
      shown += one.hidden ? 0 : 1;
    }
    group.hidden = shown === 0;
    if (words[0]) group.open = shown > 0;
  }
}

document.addEventListener("input", ({ target }) => {
  const field = target.closest("[data-find]");
  if (field) find(field);
});
document.addEventListener("htmx:load", () => {
  for (const field of document.querySelectorAll("[data-find][hidden]")) field.hidden = false;
});
