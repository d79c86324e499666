/**
 * Reading along at a human rate: which lines of chat come on screen, and when. Pure.
 *
 *     take(lines, skipped)    what was said; `skipped` lines nobody saw
 *     due(nowMs, held)        what comes on screen now; nothing while somebody reads (`held`)
 *     all()                   everything that waits, at once
 *
 * What comes on screen is an entry: `{line}`, or `{passed, forgotten, skipped}` for lines that were
 * passed over because more was said than anybody reads: the last of them, and how many more there
 * were. Questions are passed over last.
 *
 * Owns the rate and what waits. Refuses to know the page.
 */

/** About as fast as one reads short lines. */
export const LINES_PER_S = 4;
/** After a silence so many come at once. */
export const BURST = 12;
/** Further behind than this is not reading along: 5 s. */
export const BEHIND_MAX = 20;
/** While somebody reads, so many wait whole: two minutes at that rate. */
export const WAITING_MAX = 500;
/** Lines that were passed over are told of together. */
export const ASIDE_EVERY_MS = 4_000;

/** What a line must end with to be a question, as for the room's mixer (`engine/mixer.py`). */
export const isQuestion = (text) => /[?？]$/.test(text);

export class Reading {
  #waiting = [];
  #passed = [];
  #forgotten = 0;
  #skipped = 0;
  #may = BURST;
  #atMs = null;
  #asideMs = -Infinity;

  /** How many lines wait, those that were passed over among them. */
  get fresh() {
    return this.#waiting.length + this.#passed.length + this.#forgotten;
  }

  take(lines, skipped = 0) {
    this.#waiting.push(...lines);
    this.#skipped += skipped;
    this.#pass(WAITING_MAX);
  }

  due(nowMs, held) {
    this.#may = Math.min(
      BURST,
      this.#may + (Math.max(0, nowMs - (this.#atMs ?? nowMs)) * LINES_PER_S) / 1_000,
    );
    this.#atMs = nowMs;
    if (held) return [];
    this.#pass(BEHIND_MAX);
    const entries = this.#aside(nowMs);
    const lines = this.#waiting.splice(0, Math.floor(this.#may));
    this.#may -= lines.length;
    return [...entries, ...lines.map((line) => ({ line }))];
  }

  all() {
    const entries = this.#aside(Infinity);
    return [...entries, ...this.#waiting.splice(0).map((line) => ({ line }))];
  }

  /** A line that waits is not to be shown any more. */
  remove(id) {
    const others = ({ id: known }) => known !== id;
    this.#waiting = this.#waiting.filter(others);
    this.#passed = this.#passed.filter(others);
  }

  /** Leave only so many waiting: the oldest are passed over, questions last. */
  #pass(most) {
    let surplus = this.#waiting.length - most;
    if (surplus <= 0) return;
    const pass = (may) => {
      this.#waiting = this.#waiting.filter((line) => {
        if (surplus <= 0 || !may(line)) return true;
        this.#passed.push(line);
        surplus -= 1;
        return false;
      });
    };
    pass(({ text }) => !isQuestion(text));
    pass(() => true);
    this.#forgotten += this.#passed.splice(0, this.#passed.length - WAITING_MAX).length;
  }

  #aside(nowMs) {
    if (!this.#passed.length && !this.#skipped) return [];
    if (nowMs - this.#asideMs < ASIDE_EVERY_MS) return [];
    if (nowMs !== Infinity) this.#asideMs = nowMs;
    const aside = { passed: this.#passed, forgotten: this.#forgotten, skipped: this.#skipped };
    this.#passed = [];
    this.#forgotten = this.#skipped = 0;
    return [aside];
  }
}
