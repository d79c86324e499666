/**
 * The strip of a replay: play, speed, a slider with marks, the time of then.
 *
 * Owns the pane `#rehearsal` while a room is looked at again, and its keys: space plays and pauses,
 * `[` and `]` go to the mark before and after; the slider has its own. Refuses to know moments
 * (`playback.js`) and sums (`film.js`).
 */

import { byId, el, formatSpan, setText } from "/static/client/page.js";
import { SPEEDS, marksOf, nextMark, previousMark, saidBy } from "./film.js";
import { clockTime } from "./words.js";

const DAY = { day: "numeric", month: "long", year: "numeric" };

export class ReplayStrip {
  #desk;
  #marks = [];
  #onKey = (event) => this.#key(event);

  constructor(desk, leave) {
    this.#desk = desk;
    const button = (words, action, props = {}) => {
      const node = el("button", { type: "button", className: "small", ...props }, words);
      node.addEventListener("click", action);
      return node;
    };
    this.play = button("Play", () => desk.play(), { className: "small main replay-play" });
    this.back = button("‹", () => this.#go(previousMark), { "aria-label": "To the mark before" });
    this.on = button("›", () => this.#go(nextMark), { "aria-label": "To the next mark" });
    this.speed = el(
      "select",
      { "aria-label": "Speed" },
      ...SPEEDS.map((speed) => el("option", { value: speed }, `${speed} ×`)),
    );
    this.speed.value = desk.speed;
    this.speed.addEventListener("change", () => (desk.speed = Number(this.speed.value)));
    this.slider = el("input", { type: "range", step: 1000, "aria-label": "Time of the show" });
    this.slider.addEventListener("input", () => desk.seek(Number(this.slider.value)));
    this.marks = el("div", { className: "replay-marks" });
    this.time = el("output", { className: "replay-time" });
    this.said = el("p", { className: "bad", role: "alert" });
    this.about = el("p", { className: "quiet" }, "Reading the log…");
    byId("rehearsal").replaceChildren(
      el(
        "div",
        { className: "replay" },
        el("div", { className: "title-row" }, el("h2", {}, "Replay"), this.about, button("Leave the replay", leave)),
        el(
          "div",
          { className: "replay-line" },
          el("span", { className: "actions" }, this.back, this.play, this.on, this.speed),
          el("div", { className: "replay-track" }, this.marks, this.slider),
          this.time,
        ),
        this.said,
      ),
    );
    byId("rehearsal").setAttribute("aria-label", "Replay");
    byId("rehearsal").hidden = false;
    desk.on("loaded", () => this.#loaded());
    desk.on("moved", () => this.#draw());
    desk.on("failed", (words) => setText(this.said, words));
    desk.on("shown", () => {
      setText(this.said, "");
      this.#announced();
    });
    document.addEventListener("keydown", this.#onKey);
  }

  close() {
    document.removeEventListener("keydown", this.#onKey);
    byId("rehearsal").replaceChildren();
    byId("rehearsal").hidden = true;
  }

  #loaded() {
    const { film } = this.#desk;
    this.#marks = marksOf(film);
    this.slider.min = film.from_ms;
    this.slider.max = film.until_ms;
    setText(
      this.about,
      `${new Date(film.from_ms).toLocaleDateString("en-GB", DAY)}. Folded from the log, read-only. Chat is not in the log, and so not here.`,
    );
    this.marks.replaceChildren(
      ...this.#marks.map(({ atMs, kind, words, place }) => {
        const mark = el("button", {
          type: "button",
          tabIndex: -1, // the two buttons and the keys lead to each
          title: `${clockTime(atMs)} ${words}`,
          "aria-label": `${clockTime(atMs)} ${words}`,
        });
        mark.dataset.kind = kind;
        mark.style.left = `${(100 * place).toFixed(2)}%`;
        mark.addEventListener("click", () => this.#desk.seek(atMs));
        return mark;
      }),
    );
    this.#draw();
  }

  #draw() {
    const { film, atMs, playing } = this.#desk;
    setText(this.play, playing ? "Pause" : "Play");
    if (!film) return;
    this.slider.value = atMs;
    const into = formatSpan(atMs - film.from_ms);
    const whole = formatSpan(film.until_ms - film.from_ms);
    setText(this.time, `${clockTime(atMs)} · ${into} of ${whole}`);
    this.slider.setAttribute("aria-valuetext", `${clockTime(atMs)}, ${into} of ${whole}`);
    this.back.disabled = !previousMark(this.#marks, atMs);
    this.on.disabled = !nextMark(this.#marks, atMs);
  }

  /** What had been said to everybody by then, the last of it on top. */
  #announced() {
    const said = saidBy(this.#desk.film.announcements, this.#desk.ledger.at_ms);
    byId("announced").replaceChildren(
      ...said.map(({ at_ms, text }) => el("li", {}, el("time", { className: "quiet" }, clockTime(at_ms)), text)),
    );
  }

  #go(where) {
    const mark = where(this.#marks, this.#desk.atMs);
    if (mark) this.#desk.seek(mark.atMs);
  }

  #key(event) {
    const { key, ctrlKey, altKey, metaKey, target } = event;
    if (ctrlKey || altKey || metaKey || event.defaultPrevented) return;
    const typing = target.matches("textarea, select, input:not([type=range]), [contenteditable]");
    if (typing || document.querySelector("dialog[open]")) return;
    if (key === " " && !target.matches("button, a, summary")) this.#desk.play();
    else if (key === "[") this.#go(previousMark);
    else if (key === "]") this.#go(nextMark);
    else return;
    event.preventDefault();
  }
}
