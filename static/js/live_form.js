// Forms that are judged while they are filled in. An answer is the whole form, as without script;
// of it only what is told is taken: errors, hints, what would happen. The controls stay where they
// are, so whoever types, opens a list or presses a box meanwhile loses nothing.
//
//   [data-told]   a part of such a form, with an id, that an answer replaces; behind the form, of
//                 the page: what the form sends as a call of the API
//
// Where an answer brings other controls (another strategy was chosen) the form is swapped, and
// what was entered since the question is put back, and judged in its turn; folds stay open.
//
// Whoever sends a form off is answered for that: questions asked before are not heard any more,
// and none is asked until it is answered. While a button of the mouse is down, nothing moves.

const CONTROLS = ":is(input, select, textarea)[id][name]";
const JUDGED = "[hx-trigger*=judge]";
const FACTS = ["aria-invalid", "aria-describedby", "min", "max", "step"]; // of a control, that follow
const asked = new WeakMap(); // request -> its form, what that said then, what the request is for
const sentBy = new WeakMap(); // form -> the request that last sent it off
const refused = new WeakMap(); // form -> what it said when it was refused, until it is changed
const unheard = new Set(); // forms with a question that has to be asked again
let isPressed = false;

const controlsOf = (form) => [...form.elements].filter((control) => control.matches(CONTROLS));
const valueOf = (control) => (control.type === "checkbox" ? control.checked : control.value);
const said = (form) => new Map(controlsOf(form).map((control) => [control.id, valueOf(control)]));
const words = (form) => JSON.stringify([...new FormData(form)]);

function put(control, value) {
  if (control.type === "checkbox") control.checked = value;
  else if (control.type !== "hidden" && control.localName !== "select") control.value = value;
  else if ([...(control.options ?? [])].some((option) => option.value === value)) control.value = value;
}

const kindOf = (control) => [control.id, control.type, ...[...(control.options ?? [])].map((option) => option.value)].join();

/** Does an answer ask for the same things, and leave every value as it was sent? */
function isAlike(form, fresh, sent) {
  const kinds = (of) => controlsOf(of).map(kindOf).join("\n");
  return kinds(form) === kinds(fresh) && [...said(fresh)].every(([id, value]) => sent.get(id) === value);
}

/** Take errors and hints of one control. */
function tellOf(control, answer) {
  for (const name of FACTS) {
    if (answer.hasAttribute(name)) control.setAttribute(name, answer.getAttribute(name));
    else control.removeAttribute(name);
  }
  const [field, news] = [control.closest(".field"), answer.closest(".field")];
  if (!field || !news) return;
  const told = ":scope > :is(.field-error, .hint)";
  for (const old of field.querySelectorAll(told)) old.remove();
  field.append(...news.querySelectorAll(told));
  if (answer.matches("[aria-invalid=true]")) field.closest("details")?.setAttribute("open", "");
}

function tellParts(parts) {
  for (const part of parts) {
    document.getElementById(part.id)?.replaceWith(part);
    window.htmx.process(part);
  }
}

function tell(form, fresh) {
  const answers = new Map(controlsOf(fresh).map((control) => [control.id, control]));
  for (const control of controlsOf(form)) tellOf(control, answers.get(control.id));
  tellParts(fresh.querySelectorAll("[data-told][id]"));
}

/** Put the caret behind the last digit: htmx puts it back where it was, but not in a number. */
function caretAtEnd(control) {
  control.type = "text";
  control.setSelectionRange(control.value.length, control.value.length);
  control.type = "number";
}

function judge(form) {
  const judged = form.isConnected && form.querySelector(JUDGED);
  if (judged) window.htmx.trigger(judged, "judge");
}

function askAgain(form) {
  if (unheard.delete(form)) judge(form);
}

/** May a form ask what is wrong with it? Not on its way, nor if it was just told. */
function mayAsk(form) {
  const isOnItsWay = form.classList.contains("htmx-request");
  if (isOnItsWay) unheard.add(form);
  return !isOnItsWay && refused.get(form) !== words(form);
}

function isHeard({ form, isQuestion, follows }) {
  if (isQuestion && isPressed) unheard.add(form);
  return !isQuestion || (!isPressed && follows === sentBy.get(form));
}

/** Open in an answer what is open on the page; return it as text. */
function withFolds(form, fresh) {
  const titleOf = (fold) => fold.querySelector("summary").textContent;
  const open = new Set([...form.querySelectorAll("details[open]")].map(titleOf));
  for (const fold of fresh.querySelectorAll("details")) fold.open ||= open.has(titleOf(fold));
  return fresh.outerHTML;
}

function onAnswer(detail, question) {
  const { form, sent, before, isSubmission } = question;
  if (!isHeard(question)) {
    detail.shouldSwap = false;
    return;
  }
  const page = new DOMParser().parseFromString(detail.serverResponse, "text/html");
  const fresh = detail.target === form ? page.getElementById(form.id) : null;
  const isTyped = words(form) !== before;
  if (fresh) tellParts(page.querySelectorAll("#form-call [data-told][id]"));
  if (fresh?.querySelector("[data-told]") && isAlike(form, fresh, sent)) {
    detail.shouldSwap = false;
    tell(form, fresh);
    if (isSubmission && !isTyped) form.querySelector(".error-summary")?.focus();
  } else if (fresh || (isSubmission && isTyped)) {
    question.typed = [...said(form)].filter(([id, value]) => sent.get(id) !== value);
    if (fresh) detail.serverResponse = withFolds(form, fresh);
  } else if (isTyped) {
    detail.shouldSwap = false; // a table with ticks: those made since would be taken back
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, xhr } = event.detail;
  const form = elt.closest("form") ?? elt.querySelector("form[data-picks]");
  if (!form) return;
  const [isSubmission, isQuestion] = [elt === form, elt.matches(JUDGED)];
  if (isQuestion && !mayAsk(form)) event.preventDefault();
  if (isSubmission) sentBy.set(form, xhr);
  const now = { sent: said(form), before: words(form), follows: sentBy.get(form) };
  asked.set(xhr, { form, isSubmission, isQuestion, ...now });
});
// Of other forms the drawer asks itself what they send, while it is open.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.id === "form-call" && !elt.closest("details").open) event.preventDefault();
});
document.addEventListener("input", ({ target }) => refused.delete(target.form));
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.shouldSwap && asked.has(detail.xhr)) onAnswer(detail, asked.get(detail.xhr));
});
// Not before it settled: only then does htmx listen to the new controls.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const { typed } = asked.get(detail.xhr) ?? {};
  if (!typed) return;
  delete asked.get(detail.xhr).typed;
  for (const [id, value] of typed) {
    const control = document.getElementById(id);
    if (control) put(control, value);
  }
  const { activeElement } = document;
  if (activeElement?.type === "number") caretAtEnd(activeElement);
  const form = document.getElementById(typed[0]?.[0])?.form;
  if (form) judge(form);
});
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  const { form, before, isSubmission } = asked.get(xhr) ?? {};
  if (!isSubmission) return;
  if (xhr.status === 422) refused.set(form, before);
  askAgain(form);
});

document.addEventListener("pointerdown", ({ button, target }) => {
  isPressed = button === 0 && target.localName !== "select"; // a list that opens keeps the mouse
}, true);
for (const letGo of ["pointerup", "pointercancel"]) {
  document.addEventListener(letGo, () => {
    isPressed = false;
    setTimeout(() => [...unheard].forEach(askAgain)); // first comes the click
  }, true);
}
