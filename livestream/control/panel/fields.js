/**
 * Fields of a form: made, read, filled, and marked where something is wrong.
 *
 * A form holds values as terms.js has them: what is named is a value, what is a list has rows of
 * named fields. Owns how such a form looks and behaves. Refuses to know what any field means.
 */

import { el, setText } from "/static/client/page.js";

let ids = 0;

/** An input below its label; what is wrong with it comes below both. */
function labelled(label, hint, input, width = "") {
  ids += 1;
  input.id = `field-${ids}`;
  return el(
    "div",
    { className: `stack tight field ${width}`.trim() },
    el(
      "label",
      { className: "label", htmlFor: input.id },
      label,
      hint && el("span", { className: "plain" }, ` ${hint}`),
    ),
    input,
  );
}

/** A line of text. `width` is a class of `.fields`: "wide" or "slim". */
export const text = (name, label, { hint, width = "", ...props } = {}) =>
  labelled(label, hint, el("input", { name, spellcheck: false, ...props }), width);

/** A whole number, typed. */
export const count = (name, label, props = {}) =>
  text(name, label, { inputMode: "numeric", width: "slim", ...props });

export const money = (name, label, props = {}) =>
  text(name, label, { inputMode: "decimal", placeholder: "28,800", ...props });

/** A day and a time in the reader's own time zone. */
export const time = (name, label, props = {}) =>
  text(name, label, { type: "datetime-local", step: 1, width: "when", ...props });

/** One of `choices`, pairs of a value and what people read. */
export const choice = (name, label, choices, { hint, width = "" } = {}) =>
  labelled(
    label,
    hint,
    el("select", { name }, ...choices.map(([value, words]) => el("option", { value }, words))),
    width,
  );

/** Yes or no. */
export const check = (name, label) =>
  el("label", { className: "check" }, el("input", { name, type: "checkbox" }), el("span", {}, label));

/** Fields side by side, as many as there is room for. */
export const fields = (...nodes) => el("div", { className: "fields" }, ...nodes);

/** A part of the form that is folded away; `part` names it for `summarise`. */
export const fold = (title, part, ...nodes) =>
  el(
    "details",
    { className: "fold", "data-part": part },
    el("summary", {}, title, el("span", { className: "quiet part" })),
    el("div", { className: "stack" }, ...nodes),
  );

/** What is shown only while the field `name` is checked. */
export const onlyWith = (name, ...nodes) =>
  el("div", { className: "stack", "data-with": name, hidden: true }, ...nodes);

/** A list of rows: `make()` gives the fields of a new one, `blank` what they begin with. */
export function rows(list, { title, add, most, blank, make }) {
  const holder = el("div", { className: "row-list", role: "group", "aria-label": title });
  const more = el("button", { type: "button", className: "small" }, add);
  const node = el("div", { className: "stack", "data-list": list }, holder, more);
  const recount = () => {
    more.disabled = holder.childElementCount >= most;
  };
  node.addRow = (values) => {
    const away = el(
      "button",
      { type: "button", className: "tiny away", "aria-label": `Remove from ${title}` },
      "×",
    );
    const row = el("div", { className: "row", "data-row": "" }, fields(...make()), away);
    away.addEventListener("click", () => {
      (row.nextElementSibling ?? row.previousElementSibling ?? more)
        .querySelector?.("input, select")
        ?.focus();
      row.remove();
      recount();
      node.dispatchEvent(new Event("input", { bubbles: true }));
    });
    holder.append(row);
    row.kept = values; // what has no field of its own, such as an id, stays as it was
    fillIn(row, values);
    recount();
    return row;
  };
  more.addEventListener("click", () => {
    node.addRow(blank).querySelector("input, select").focus();
    node.dispatchEvent(new Event("input", { bubbles: true }));
  });
  node.clear = () => {
    holder.replaceChildren();
    recount();
  };
  return node;
}

const lists = (form) => [...form.querySelectorAll("[data-list]")];
const named = (root) =>
  [...root.querySelectorAll("[name]")].filter(
    (input) => root.dataset.row !== undefined || !input.closest("[data-row]"),
  );
/** The field of this name, of those that are in no row. */
export const fieldNamed = (form, name) => named(form).find((input) => input.name === name);

const valueOf = (input) => (input.type === "checkbox" ? input.checked : input.value);

/** What the form holds. */
export function valuesIn(form) {
  const values = Object.fromEntries(named(form).map((input) => [input.name, valueOf(input)]));
  for (const list of lists(form)) {
    values[list.dataset.list] = [...list.querySelectorAll("[data-row]")].map((row) => ({
      ...row.kept,
      ...Object.fromEntries(named(row).map((input) => [input.name, valueOf(input)])),
    }));
  }
  return values;
}

function fillIn(root, values) {
  for (const input of named(root)) {
    if (!(input.name in values)) continue;
    if (input.type === "checkbox") input.checked = values[input.name];
    else input.value = values[input.name];
    input.dispatchEvent(new Event("filled", { bubbles: true }));
  }
}

/** Show these values in the form, and nothing of what was in it. */
export function fill(form, values) {
  clearMarks(form);
  fillIn(form, values);
  for (const list of lists(form)) {
    list.clear();
    for (const row of values[list.dataset.list] ?? []) list.addRow(row);
  }
  follow(form);
}

/** Show what goes with a checked field, and hide it otherwise. */
export function follow(form) {
  for (const node of form.querySelectorAll("[data-with]"))
    node.hidden = !fieldNamed(form, node.dataset.with).checked;
}

/** Say beside the title of each folded part what it says, by the phrases of `parts`. */
export function summarise(form, parts, terms) {
  for (const node of form.querySelectorAll("[data-part]")) {
    const phrase = parts[node.dataset.part]?.(terms) ?? "";
    setText(node.querySelector(".part"), phrase.includes("NaN") ? "…" : phrase || "–");
  }
}

function fieldOf(form, name) {
  const [list, at, field] = name.split(".");
  if (field === undefined)
    return form.querySelector(`[data-list="${list}"] > button`) ?? fieldNamed(form, list);
  return form
    .querySelectorAll(`[data-list="${list}"] [data-row]`)
    [Number(at)]?.querySelector(`[name="${field}"]`);
}

function clearMarks(form) {
  for (const mark of form.querySelectorAll(".flaw")) mark.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/** Mark what is wrong where it is, unfold it, and go to the first. Whether there is nothing wrong. */
export function mark(form, flaws) {
  clearMarks(form);
  let first = null;
  for (const { field, text: words } of flaws) {
    const input = fieldOf(form, field);
    if (!input || input.getAttribute("aria-invalid")) continue;
    const note = el("p", { className: "bad flaw", id: `flaw-${(ids += 1)}` }, words);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", note.id);
    const holder = input.closest(".field");
    if (holder) holder.append(note);
    else (input.closest("label") ?? input).after(note);
    input.closest(".fold")?.setAttribute("open", "");
    if (!first || input.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING)
      first = input;
  }
  first?.focus();
  return flaws.length === 0;
}

/** How many things are wrong, in a sentence. */
export const toldOf = (flaws) =>
  flaws.length === 1 ? flaws[0].text : `${flaws.length} things are missing or wrong; each is marked.`;
