// QuantLab: what a page needs beyond HTML, CSS and htmx. No build, no eval, no dependency but
// window.vegaEmbed, which only pages with charts load. Everything works without it, more slowly.
//
//   [data-chart="name"]          a chart; its Vega-Lite spec is a <script type="application/json">
//                                inside it or right after it
//   [data-chart-download="png"]  a link, or a button rendered hidden, in the same .figure; or "svg"
//   [data-copy="text"]           copies the text, or with "#id" the text of that element
//   [data-dialog-open="id"]      opens that <dialog>; [data-dialog-close] closes the one around it
//   [data-pick-all]              a box that ticks every box of the rows of its table
//   [data-title-state="42%"]     shown before the page's title while it is in the page

const root = document.documentElement;

/** Return the elements that match, `elt` itself included: htmx:load may name a chart itself. */
function within(elt, selector) {
  return [...(elt.matches?.(selector) ? [elt] : []), ...elt.querySelectorAll(selector)];
}

function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

/* ---------- charts ---------- */

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const drawings = new Map(); // chart element -> promise of its Vega result
const configs = {}; // theme -> promise of its Vega config

function theme() {
  return root.dataset.theme || (systemDark.matches ? "dark" : "light");
}

/** Return what a class looks like now; Vega cannot read custom properties. */
function styleOf(className) {
  const probe = document.createElement("span");
  probe.className = className;
  probe.hidden = true;
  document.body.append(probe);
  const { color, backgroundColor } = getComputedStyle(probe);
  probe.remove();
  return { color, backgroundColor };
}

async function fetchConfig(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

function configOf(name) {
  const { vegaLight, vegaDark } = document.body.dataset;
  configs[name] ??= fetchConfig(name === "dark" ? vegaDark : vegaLight);
  return configs[name];
}

async function chartConfig() {
  const config = await configOf(theme());
  if (!root.dataset.updown) return config;
  const style = { ...config.style };
  for (const side of ["up", "down"]) {
    style[side] = { ...style[side], color: styleOf(side).color };
  }
  return { ...config, style };
}

function specOf(chart) {
  const inside = chart.querySelector('script[type="application/json"]');
  return JSON.parse((inside ?? chart.nextElementSibling).textContent);
}

/** Return a new, empty element for the view: a late drawing then never meets a newer one. */
function newStage(chart) {
  const stage = document.createElement("div");
  stage.className = "chart-view";
  chart.querySelector(":scope > .chart-view")?.remove();
  chart.append(stage);
  return stage;
}

async function embed(chart) {
  const stage = newStage(chart);
  return window.vegaEmbed(stage, specOf(chart), {
    ast: true,
    actions: false,
    renderer: "svg",
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
    config: await chartConfig(),
  });
}

function erase(chart) {
  drawings.get(chart)?.then((result) => result.finalize(), () => {});
  drawings.delete(chart);
}

function draw(chart) {
  erase(chart);
  const drawing = embed(chart);
  drawings.set(chart, drawing);
  drawing.then((result) => onDrawn(chart, result), (error) => reportFailure(chart, error));
}

/** Others may go on from here: `zoom.js` brings finer points. */
function onDrawn(chart, result) {
  showDownloads(chart);
  chart.dispatchEvent(new CustomEvent("chart:drawn", { bubbles: true, detail: result }));
}

function reportFailure(chart, error) {
  console.error("chart", chart.dataset.chart, error);
  const stage = newStage(chart);
  stage.classList.add("hint");
  stage.textContent = "This chart could not be drawn. Its numbers are in the table and in the downloads.";
}

function drawNew(elt) {
  if (!window.vegaEmbed) return; // a page without charts, or the bundle is still loading
  for (const chart of within(elt, "[data-chart]")) {
    if (!drawings.has(chart)) draw(chart);
  }
}

function redrawAll() {
  for (const chart of [...drawings.keys()]) draw(chart);
}

function showDownloads(chart) {
  const buttons = chart.closest(".figure")?.querySelectorAll("[data-chart-download]") ?? [];
  for (const button of buttons) button.hidden = false;
}

async function downloadChart(button, event) {
  const chart = button.closest(".figure")?.querySelector("[data-chart]");
  if (!drawings.has(chart)) return; // a link then leads to the file that the lab draws
  event.preventDefault();
  const kind = button.dataset.chartDownload;
  const { view } = await drawings.get(chart);
  const link = document.createElement("a");
  view.background(styleOf("main").backgroundColor); // the page's paper, not a transparent hole
  link.href = await view.toImageURL(kind, kind === "png" ? 2 : 1);
  view.background(null);
  link.download = `${chart.dataset.chart || "chart"}.${kind}`;
  link.click();
}

document.addEventListener("htmx:load", (event) => drawNew(event.detail.elt));
document.addEventListener("htmx:beforeCleanupElement", (event) => erase(event.detail.elt));
window.addEventListener("load", () => {
  drawNew(document);
  if (window.vegaEmbed) configOf("light"); // at hand when the page is printed: print.js
});
systemDark.addEventListener("change", redrawAll);
new MutationObserver(redrawAll).observe(root, { attributeFilter: ["data-theme", "data-updown"] });

/* ---------- toasts ---------- */

const BRIEF_MS = 6000;
const toasts = document.getElementById("toasts");

function showToast({ message, advice = "" }) {
  const shown = [...toasts.querySelectorAll("[data-toast-message]")];
  if (shown.some((elt) => elt.textContent === message)) return; // a poll repeats its error
  const toast = fromTemplate("toast-template");
  toast.setAttribute("role", "alert");
  toast.querySelector("[data-toast-message]").textContent = message;
  toast.querySelector("[data-toast-advice]").textContent = advice;
  toasts.append(toast);
}

function dismissBrief() {
  for (const toast of toasts.querySelectorAll("[data-brief]")) {
    setTimeout(() => toast.remove(), BRIEF_MS);
  }
}

if (toasts) dismissBrief();

/* ---------- errors and a lost connection ---------- */

const POLLS_UNTIL_LOST = 3;
let failedPolls = 0;

/** Return message and advice of an error document, or of an error page. */
function problemIn(xhr) {
  const isJson = (xhr.getResponseHeader("Content-Type") ?? "").includes("json");
  if (isJson) return JSON.parse(xhr.responseText).error ?? {};
  const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
  const textOf = (selector) => page.querySelector(selector)?.textContent;
  return { message: textOf("[data-problem-message]"), advice: textOf("[data-problem-advice]") };
}

function isPoll(elt) {
  return (elt.getAttribute("hx-trigger") ?? "").includes("every");
}

function pollFailed() {
  failedPolls += 1;
  const notices = document.getElementById("notices");
  if (failedPolls === POLLS_UNTIL_LOST) notices?.replaceChildren(fromTemplate("lost-template"));
}

function connectionFound() {
  if (failedPolls >= POLLS_UNTIL_LOST) document.getElementById("notices")?.replaceChildren();
  failedPolls = 0;
}

function onNoAnswer(event) {
  if (isPoll(event.detail.elt)) return pollFailed();
  return showToast({
    message: "No answer from the lab.",
    advice: "Check that it still runs, then try again.",
  });
}

function onErrorAnswer({ detail: { elt, xhr } }) {
  if (isPoll(elt) && xhr.status >= 500) return pollFailed();
  const { message, advice } = problemIn(xhr);
  return showToast({ message: message || `The lab answered ${xhr.status}.`, advice });
}

document.addEventListener("htmx:sendError", onNoAnswer);
document.addEventListener("htmx:timeout", onNoAnswer);
document.addEventListener("htmx:responseError", onErrorAnswer);
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  if (xhr.status > 0 && xhr.status < 500) connectionFound();
});

/* ---------- title and focus ---------- */

const pageTitle = document.title;
function showTitleState() {
  const state = document.querySelector("[data-title-state]")?.dataset.titleState;
  document.title = state ? `${state} · ${pageTitle}` : pageTitle;
}

document.addEventListener("htmx:load", (event) => {
  showTitleState();
  within(event.detail.elt, ".error-summary")[0]?.focus();
});
document.addEventListener("htmx:afterSwap", showTitleState);

/* ---------- clicks ---------- */

const COPIED_MS = 2000;
async function copyText(button) {
  const { copy } = button.dataset;
  const text = copy.startsWith("#") ? document.querySelector(copy).textContent.trim() : copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    showToast({ message: "The browser did not allow copying.", advice: "Select the text and copy it by hand." });
    return;
  }
  button.dataset.label ??= button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = button.dataset.label; }, COPIED_MS);
}

function openDialog(opener, event) {
  const dialog = document.getElementById(opener.dataset.dialogOpen);
  if (!dialog) return; // the opener is a link: let it lead to the page that asks the same
  event.preventDefault();
  dialog.showModal();
}

/** A closer is a link that, without script, leads to the page as it is without the part. */
const closeAround = (selector, close) => (closer, event) => {
  const part = closer.closest(selector);
  if (part) event.preventDefault();
  if (part) close(part);
};

const ON_CLICK = {
  "[data-copy]": copyText,
  "[data-chart-download]": downloadChart,
  "[data-dialog-open]": openDialog,
  "[data-dialog-close]": closeAround("dialog", (dialog) => dialog.close()),
  "[data-toast-close]": closeAround(".toast", (toast) => toast.remove()),
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(ON_CLICK)) {
    const elt = event.target.closest(selector);
    if (elt) act(elt, event);
  }
});

// Before the table learns of the change, so that it is told of all boxes at once.
document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-pick-all]")) return;
  for (const box of target.closest("table").querySelectorAll("tbody .pickbox input")) box.checked = target.checked;
}, true);
