/**
 * One way for every button to act: once, under a key of its own, remembered until its fate is known.
 *
 * Owns the presses of this desk, the key of each, the offer to undo the last one. Refuses to know
 * buttons (`pressed.js` draws), and what a command means (`deeds.js` says it).
 *
 * Each change carries an `Idempotency-Key`. So what got no answer may be asked again without harm:
 * what was done is answered and not done twice. Nothing is asked again by itself: a minute later the
 * host may have another mind.
 */

import { Emitter, makeId } from "/static/client/livestream.js";
import { deedOf } from "./deeds.js";
import { UNDO_MS, answered, forgotten, heard, pressed, restored } from "./fates.js";

export const OFFLINE = "no connection, so nothing was sent";

/** Emits `change` when the list or the offer to undo did. */
export class Actions extends Emitter {
  presses = [];
  /** {words, calls, untilMs} or null. */
  undo = null;
  #underWay = new Map();
  #send;
  #now;
  #before;
  #liveSinceMs = null;

  /**
   * `send(method, path, body, key)` asks the API and throws what has `unsure` and a `message`;
   * `now()` is the server's time; `before()` the room as it is (`deedOf`). `presses` are those of
   * this desk before its page was loaded anew.
   */
  constructor({ send, now, before, presses = [] }) {
    super();
    this.presses = restored(presses);
    this.#send = send;
    this.#now = now;
    this.#before = before;
  }

  get online() {
    return this.#liveSinceMs !== null;
  }

  /** The feed is there, or gone. */
  set online(on) {
    if (on === this.online) return;
    this.#liveSinceMs = on ? this.#now() : null;
    this.emit("change");
  }

  /**
   * Do it; the answer, or a throw with the reason. The same call while it is under way is the same
   * press. `undo: null` where there is nothing to take back, `words` where the table has none.
   */
  call(method, path, body, how = {}) {
    const same = JSON.stringify([method, path, body]);
    const underWay = this.#underWay.get(same);
    if (underWay) return underWay;
    const deed = { ...deedOf(method, path, body, this.#before()), ...how };
    const doing = this.#do({ key: makeId("p"), call: [method, path, body], ...deed }).finally(() =>
      this.#underWay.delete(same),
    );
    this.#underWay.set(same, doing);
    return doing;
  }

  /** Ask again what got no answer, under its own key. */
  again(key) {
    const press = this.presses.find((each) => each.key === key);
    if (!press) return Promise.resolve();
    return this.#do({ ...press, undo: null });
  }

  forget(key) {
    this.#set(forgotten(this.presses, key));
  }

  /** Take the last press back. */
  async takeBack() {
    const offer = this.undo;
    if (!offer) return;
    this.#offer(null);
    for (const [method, path, body] of offer.calls)
      await this.call(method, path, body, { words: `Undo: ${offer.words}`, undo: null });
  }

  /** Let the offer to undo go when its time is over. */
  tick() {
    if (this.undo && this.#now() >= this.undo.untilMs) this.#offer(null);
  }

  /** What the ledger tells of presses that nobody answered. */
  hear(ledger) {
    this.#set(
      heard(this.presses, {
        told: (ledger.desk ?? []).map(({ key }) => key),
        ledgerAtMs: ledger.at_ms,
        liveSinceMs: this.#liveSinceMs,
      }),
    );
  }

  async #do({ key, words, call, undo }) {
    const [method, path, body] = call;
    this.#set(pressed(this.presses, { key, words, call, atMs: this.#now() }));
    try {
      if (!this.online) throw Object.assign(new Error(OFFLINE), { unsure: false });
      const answer = await this.#send(method, path, body, key);
      this.#set(answered(this.presses, key, "done"));
      if (undo) this.#offer({ words, calls: undo, untilMs: this.#now() + UNDO_MS });
      return answer;
    } catch (error) {
      this.#set(answered(this.presses, key, error.unsure ? "unsure" : "refused", error.message));
      if (error.unsure) error.message += " What became of it is told under “Pressed”.";
      throw error;
    }
  }

  #set(presses) {
    if (presses === this.presses) return;
    this.presses = presses;
    this.emit("change");
  }

  #offer(offer) {
    if (offer === this.undo) return;
    this.undo = offer;
    this.emit("change");
  }
}
