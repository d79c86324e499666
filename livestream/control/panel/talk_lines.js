/**
 * A list of lines on screen that stays put under the hand and the eyes.
 *
 * While the pointer or the focus is in it, or somebody has scrolled up, nothing moves: what is said
 * is counted in a button below. Arrow keys go from line to line.
 *
 * Owns one list and its button. Refuses to know what a line looks like (`draw`), and the rate at which
 * lines come (`pace.js`).
 */

import { el, formatCount, setText } from "/static/client/page.js";
import { Reading } from "./pace.js";

const LINES_MAX = 300;
const NEAR_THE_END_PX = 40;
/** After a touch the browser says that it hovers, until the next one elsewhere. */
const POINTER = matchMedia("(hover: hover)");

export class Lines {
  #list;
  #button;
  #draw;
  #reading = new Reading();

  /** `draw(message)` makes an element; `button` says how many are new. */
  constructor(list, button, draw) {
    this.#list = list;
    this.#button = button;
    this.#draw = draw;
    list.replaceChildren();
    list.onkeydown = (key) => this.#go(key);
    button.onclick = () => this.#catchUp();
    this.#count();
  }

  /** Nothing may move: somebody is about to press, or reads back. */
  get #held() {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    return (
      (POINTER.matches && this.#list.matches(":hover")) ||
      this.#list.matches(":focus-within") ||
      scrollHeight - scrollTop - clientHeight > NEAR_THE_END_PX
    );
  }

  /** All of it at once, as for somebody who has just come. */
  begin(messages) {
    this.#list.replaceChildren(...messages.map((message) => this.#draw(message)));
    this.#reading = new Reading();
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#count();
  }

  /** Lines that were said. One that is on screen came back: it is not a new one. */
  take(messages, skipped = 0) {
    this.#reading.take(
      messages.filter(({ id }) => !this.find(id)),
      skipped,
    );
  }

  tick(nowMs) {
    this.#add(this.#reading.due(nowMs, this.#held));
    this.#count();
  }

  /** The element of a line that is on screen. */
  find(id) {
    return [...this.#list.children].find((line) => line.dataset.message === id);
  }

  /** A line is gone for everybody; one that is on screen is for `mark`. */
  delete(id, mark) {
    this.#reading.remove(id);
    const line = this.find(id);
    if (line) mark(line);
    this.#count();
  }

  #add(entries) {
    if (!entries.length) return;
    this.#list.append(...entries.map((entry) => this.#drawn(entry)));
    while (this.#list.children.length > LINES_MAX) this.#list.firstChild.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #drawn({ line, passed, forgotten, skipped }) {
    if (line) return this.#draw(line);
    const aside = el("p", { className: "aside quiet" });
    if (passed.length) {
      const words = `and ${formatCount(passed.length + forgotten)} more`;
      const more = el("button", { type: "button", className: "tiny" }, words);
      more.onclick = () => {
        const lines = passed.map((message) => this.#draw(message));
        more.replaceWith(el("span", {}, words));
        aside.before(...lines);
        lines[0].focus();
      };
      aside.append(more);
    }
    if (skipped) aside.append(el("span", {}, `${formatCount(skipped)} that nobody saw`));
    return aside;
  }

  #catchUp() {
    this.#add(this.#reading.all());
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#count();
    this.#button.blur();
  }

  #count() {
    const { fresh } = this.#reading;
    this.#button.hidden = fresh === 0 || !this.#held;
    setText(this.#button, `${formatCount(fresh)} new`);
  }

  #go(key) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[key.key];
    if (!step || key.ctrlKey || key.altKey || key.metaKey) return;
    const lines = [...this.#list.children].filter((line) => line.dataset.message);
    const at = lines.indexOf(document.activeElement.closest("[data-message]"));
    const next = at < 0 ? lines.at(-1) : lines[at + step];
    key.preventDefault();
    next?.focus();
  }
}
