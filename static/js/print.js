// Paper is not scrolled: before a page is printed, what it would load on sight is loaded, and its
// charts are drawn in the light. The browser waits for nothing that is under way, so what is still
// missing is asked for while it waits.

const root = document.documentElement;
let themeBefore;

function askedNow(url) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.setRequestHeader("HX-Request", "true");
  request.send();
  return request.status === 200 ? request.responseText : null;
}

function load(region) {
  window.htmx.trigger(region, "htmx:abort");
  const part = askedNow(region.getAttribute("hx-get"));
  if (part) window.htmx.swap(region, part, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
}

window.addEventListener("beforeprint", () => {
  themeBefore = root.dataset.theme;
  root.dataset.theme = "light";
  const waiting = [...document.querySelectorAll('[hx-trigger="revealed"]')];
  for (const region of waiting.filter((one) => one.checkVisibility())) load(region);
});

window.addEventListener("afterprint", () => {
  if (themeBefore) root.dataset.theme = themeBefore;
  else delete root.dataset.theme;
});
