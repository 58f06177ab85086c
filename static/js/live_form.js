// Forms that are judged while they are filled in. An answer is the whole form, as without script;
// of it only what is told is taken: errors, hints, what would happen. The controls stay where they
// are, so whoever types, opens a list or presses a box meanwhile loses nothing.
//
//   [data-told]   a part of such a form, with an id, that an answer replaces
//
// Where an answer brings other controls (another strategy was chosen) the form is swapped, and
// what was entered since the question is put back, and judged in its turn.

const CONTROLS = ":is(input, select, textarea)[id][name]";
const FACTS = ["aria-invalid", "aria-describedby", "min", "max", "step"]; // of a control, that follow
const sentOff = new WeakMap(); // form -> what it said when it was sent off, until it is changed
const asked = new WeakMap(); // request -> its form, what that said then, whether it was sent off

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

function tell(form, fresh) {
  const answers = new Map(controlsOf(fresh).map((control) => [control.id, control]));
  for (const control of controlsOf(form)) tellOf(control, answers.get(control.id));
  for (const part of fresh.querySelectorAll("[data-told][id]")) {
    document.getElementById(part.id)?.replaceWith(part);
    window.htmx.process(part);
  }
}

/** Put the caret behind the last digit: htmx puts it back where it was, but not in a number. */
function caretAtEnd(control) {
  control.type = "text";
  control.setSelectionRange(control.value.length, control.value.length);
  control.type = "number";
}

function onAnswer(detail, question) {
  const { form, sent, before, isSubmission } = question;
  if (!isSubmission && sentOff.get(form) === before) {
    detail.shouldSwap = false; // what was sent off is answered, with a summary: that stays
    return;
  }
  const page = new DOMParser().parseFromString(detail.serverResponse, "text/html");
  const fresh = detail.target === form ? page.getElementById(form.id) : null;
  const isTyped = words(form) !== before;
  const isBusy = !isSubmission && form.classList.contains("htmx-request");
  if (fresh?.querySelector("[data-told]") && isAlike(form, fresh, sent)) {
    detail.shouldSwap = false;
    tell(form, fresh);
    if (isSubmission && !isTyped) form.querySelector(".error-summary")?.focus();
  } else if (isBusy) {
    detail.shouldSwap = false; // or the form would be taken from under its own request
  } else if (fresh) {
    question.typed = [...said(form)].filter(([id, value]) => sent.get(id) !== value);
  } else if (!isSubmission && isTyped) {
    detail.shouldSwap = false; // a table with ticks: those made since would be taken back
  }
}

document.addEventListener("htmx:beforeRequest", ({ detail: { elt, xhr } }) => {
  const form = elt.closest("form") ?? elt.querySelector("form[data-picks]");
  if (!form) return;
  asked.set(xhr, { form, sent: said(form), before: words(form), isSubmission: elt === form });
  if (elt === form) sentOff.set(form, words(form));
});
document.addEventListener("input", ({ target }) => sentOff.delete(target.form));
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.shouldSwap && asked.has(detail.xhr)) onAnswer(detail, asked.get(detail.xhr));
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const { typed } = asked.get(detail.xhr) ?? {};
  if (!typed) return;
  for (const [id, value] of typed) {
    const control = document.getElementById(id);
    if (control) put(control, value);
  }
  const { activeElement } = document;
  if (activeElement?.type === "number") caretAtEnd(activeElement);
});
// Only now does htmx listen to the new controls.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const question = asked.get(detail.xhr);
  const control = document.getElementById(question?.typed?.[0]?.[0]);
  if (control) window.htmx.trigger(control.closest("[hx-trigger*=judge]"), "judge");
  delete question?.typed;
});
