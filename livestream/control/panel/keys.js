/**
 * A few keys for a host who looks into the camera. `?` shows them.
 *
 * They are for what changes within seconds on air; each presses a button that is on screen, with the
 * same question and the same fate; to open a drop asks, because nobody can take that back. Nothing happens while one types, with a modifier, while a key is
 * held, or while a question is open. They can be turned off (WCAG 2.1.4).
 *
 * Owns the keys. Refuses to know what the buttons do.
 */

import { byId, el } from "/static/client/page.js";
import { askOnce } from "./ask.js";

const KEPT = "desk-keys";
/** Two strokes of one key this close together were meant as one: `p` would pause and resume. */
const DOUBLE_STROKE_MS = 400;

/** key → [what it does, for which role, how to find what is pressed or focused]. */
export const KEYS = new Map([
  ["o", ["Open the next drop", "host", () => button('[data-press="open"]')]],
  [
    "p",
    [
      "Pause or resume the drop on top",
      "host",
      () => button('[data-press="pause"], [data-press="resume"]'),
    ],
  ],
  ["n", ["Pin the next card", "host", nextCard]],
  ["a", ["Write an announcement", "host", () => byId("announce-text")]],
  ["u", ["Undo the last press, while it is offered", "moderator", () => button("#undo-button")]],
  ["?", ["Show or hide this list", "moderator", () => null]],
]);

/** Whether a key was struck twice as one strikes a button twice: pure, of two events' own fields. */
export function isStruckTwice({ key, timeStamp }, last) {
  return key === last?.key && timeStamp - last.timeStamp < DOUBLE_STROKE_MS;
}

/** Which key is meant, or null: pure, of the event's own fields. */
export function keyMeant({ key, repeat, ctrlKey, altKey, metaKey, defaultPrevented, target }) {
  if (repeat || ctrlKey || altKey || metaKey || defaultPrevented) return null;
  if (target?.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target?.tagName ?? ""))
    return null;
  const meant = key.length === 1 ? key.toLowerCase() : key;
  return KEYS.has(meant) ? meant : null;
}

function button(selector) {
  return [...document.querySelectorAll(`#desk ${selector}, ${selector}`)].find(
    (node) => node.offsetParent !== null && !node.disabled,
  );
}

/** The card after the pinned one, from the top of the list; the first when none is pinned. */
function nextCard() {
  const cards = [...document.querySelectorAll("#card-list > li")];
  const pinned = cards.findIndex((card) => card.classList.contains("pinned"));
  const next = cards[(pinned + 1) % Math.max(1, cards.length)];
  return next === cards[pinned] ? null : next?.querySelector('[data-press="pin"]');
}

async function openIfMeant(found) {
  const title = found.closest("li").querySelector("h3").textContent;
  if (await askOnce(`Open ${title} now?`, "Open")) found.click();
}

const areOn = () => localStorage.getItem(KEPT) !== "off";

/** Listen, once; `atDesk()` says whether there is a desk to press at. */
export function wireKeys(atDesk) {
  const dialog = byId("keys");
  let last = null;
  byId("keys-list").replaceChildren(
    ...[...KEYS].map(([key, [words, role]]) =>
      el("div", { "data-needs": role }, el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)),
    ),
  );
  byId("keys-on").checked = areOn();
  byId("keys-on").addEventListener("change", ({ target }) => {
    localStorage.setItem(KEPT, target.checked ? "on" : "off");
  });
  byId("keys-show").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    const meant = keyMeant(event);
    const twice = isStruckTwice(event, last);
    last = event;
    if (twice && meant !== "?") return;
    if (meant === null || !atDesk() || (!areOn() && meant !== "?")) return;
    if (meant === "?") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else if (!document.querySelector("dialog[open]:not(.sheet)")) dialog.showModal();
      return;
    }
    if (document.querySelector("dialog[open]:not(.sheet)")) return;
    const found = KEYS.get(meant)[2]();
    if (!found) return;
    event.preventDefault();
    if (found.tagName !== "BUTTON") found.focus();
    else if (meant === "o") openIfMeant(found);
    else found.click();
  });
}
