/**
 * A desk that looks back: the room as it stood, drawn by the same panes, with nothing to press.
 *
 * Owns the film's time and the fetching of moments, one at a time. Refuses to know elements: it has
 * what a `Desk` has for those who draw it. Emits what a desk emits, and `seek` (what was on screen is
 * of another time), `moved` (the time went on) and `loaded` (the film is there).
 */

import { Emitter } from "/static/client/livestream.js";
import { Storefront } from "/static/client/storefront.js";
import { advanced, within } from "./film.js";

/** A moment is fetched this often at most while the film runs. */
const FETCH_EVERY_MS = 400;

export class Playback extends Emitter {
  isReplay = true;
  view = new Storefront();
  muted = new Set();
  banned = new Set();
  ledger = null;
  /** What the charts begin with: what was before the time that was gone to. */
  get moments() {
    return (this.film?.moments ?? []).filter((moment) => moment.at_ms <= this.atMs);
  }

  seq = 0;
  film = null;
  atMs = 0;
  speed = 5;
  playing = false;
  #api;
  #fetching = false;
  #wanted = null;
  #fetchedAt = 0;
  #tickedAt = 0;
  #closed = false;

  constructor(api, room) {
    super();
    this.#api = api;
    this.room = room;
    this.path = `/rooms/${encodeURIComponent(room)}`;
    /** Nobody may do anything in what is over. */
    this.api = { name: api.name, role: "analyst", may: () => false };
    /** The server's time of then. */
    this.clock = { now: () => this.atMs };
  }

  async open() {
    try {
      this.film = await this.#api.call("GET", `${this.path}/replay`);
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#closed) return;
    this.atMs = this.film.from_ms;
    this.emit("loaded");
    this.seek(this.film.marks.find(({ kind }) => kind === "room.started")?.at_ms ?? this.atMs);
  }

  /** Signed in again: go on where it stood. */
  resume() {
    if (this.film) this.seek(this.atMs);
    else this.open();
  }

  close() {
    this.#closed = true;
    this.playing = false;
  }

  async call() {
    throw new Error("This is a replay: nothing can be changed in it.");
  }

  /** The books and the screen are of one time here. */
  dropNow(shown) {
    const books = this.ledger?.drops.find(({ drop_id }) => drop_id === shown.drop_id);
    return { withdrawn: 0, perks_awarded: 0, ...shown, ...books };
  }

  play(on = !this.playing) {
    if (!this.film) return;
    this.playing = on;
    if (on && this.atMs >= this.film.until_ms) this.seek(this.film.from_ms);
    this.#tickedAt = performance.now();
    this.emit("moved");
  }

  /** Stand at another time. */
  seek(atMs) {
    if (!this.film) return;
    this.atMs = within(atMs, this.film);
    this.emit("seek");
    this.emit("moved");
    this.#want(true);
  }

  /** Let the time go on, a few times a second. */
  tick() {
    const now = performance.now();
    if (!this.playing) return;
    this.atMs = advanced(this.atMs, now - this.#tickedAt, this.speed, this.film.until_ms);
    this.#tickedAt = now;
    if (this.atMs >= this.film.until_ms) this.playing = false;
    this.emit("moved");
    if (!this.playing || now - this.#fetchedAt >= FETCH_EVERY_MS) this.#want(false);
  }

  /** Fetch the moment of now; of those wanted while one is under way only the last. */
  async #want(anew) {
    this.#wanted = { atMs: Math.round(this.atMs), anew: anew || (this.#wanted?.anew ?? false) };
    if (this.#fetching) return;
    this.#fetching = true;
    while (this.#wanted && !this.#closed) {
      const { atMs, anew: begins } = this.#wanted;
      this.#wanted = null;
      this.#fetchedAt = performance.now();
      try {
        this.#show(await this.#api.call("GET", `${this.path}/replay/at?at_ms=${atMs}`), begins);
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#fetching = false;
  }

  #show(moment, begins) {
    if (this.#closed) return;
    this.ledger = moment.ledger;
    this.seq = moment.seq;
    this.view.reset(moment.storefront);
    if (begins) this.emit("begin", []);
    else {
      this.emit("change");
      this.emit("ledger");
    }
    this.emit("shown");
  }

  #failed(error) {
    if (this.#closed) return;
    this.playing = false;
    if (error.status === 401) this.emit("signed-out");
    this.emit("failed", error.message);
    this.emit("moved");
  }
}
