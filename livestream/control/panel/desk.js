/**
 * The desk's line to the house: calls to the control API, and the desk's own websocket.
 *
 * Owns who has signed in, the errors of the API and the room as the desk sees it (storefront, ledger, who is
 * muted). Refuses to know buttons and tables. Bodies and answers: /openapi.json.
 */

import { Close, Emitter, Line, ServerClock, backoffMs } from "/static/client/livestream.js";
import { Storefront } from "/static/client/storefront.js";
import { Actions } from "./actions.js";

const CALL_TIMEOUT_MS = 10_000;
/** The feed tells the time every 4 s: nothing for three times as long is a dead connection. */
const SILENCE_MS = 12_000;
const RANKS = ["analyst", "moderator", "host"];

/** The API said no (RFC 9457): the message is the problem's detail. Status 0: no answer came. */
export class Problem extends Error {
  constructor(status, detail, code = "") {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
  }

  /** Nobody knows whether it was done: it may yet be. */
  get unsure() {
    return this.status === 0 || this.status >= 500;
  }
}

/**
 * Calls of whoever has signed in: the session's cookie goes with them by itself, `csrf` with those
 * that change something.
 */
export class Api {
  role = "analyst";
  name = "";
  expiresAtMs = 0;
  #csrf = "";

  /** Exchange a host token for a session. Throws a Problem. */
  async signIn(token) {
    this.#take(await this.#send("POST", "/session", undefined, { Authorization: `Bearer ${token}` }));
  }

  /** Go on with the session that this browser has; a Problem with status 401 when it has none. */
  async resume() {
    this.#take(await this.#send("GET", "/session"));
  }

  /** The answer's JSON. Throws a Problem. A change under the same `key` is made once. */
  async call(method, path, body, key = null) {
    const csrf = this.#csrf;
    const more = key === null ? {} : { "Idempotency-Key": key };
    try {
      return await this.#send(method, path, body, more);
    } catch (error) {
      if (error.status !== 403 || method === "GET") throw error;
      await this.resume(); // another tab may have signed in since, and the cookie is of its session
      if (this.#csrf === csrf) throw error;
      return this.#send(method, path, body, more);
    }
  }

  #take({ name, role, expires_at_ms, csrf }) {
    if (this.name && !this.isSameAs({ name, role }))
      throw new Problem(
        403,
        `${name}, ${role}, has signed in in another tab. Reload this page to go on as ${name}.`,
      );
    Object.assign(this, { name, role, expiresAtMs: expires_at_ms });
    this.#csrf = csrf;
  }

  async #send(method, path, body, more = {}) {
    let answer;
    let content;
    try {
      answer = await fetch(`/api/v1${path}`, {
        method,
        headers: {
          ...more,
          ...(this.#csrf && method !== "GET" && { "X-CSRF-Token": this.#csrf }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      content = await answer.json();
    } catch {
      throw new Problem(
        answer?.status ?? 0,
        "The control server does not answer.",
      );
    }
    if (!answer.ok)
      throw new Problem(answer.status, content.detail ?? content.title ?? "refused", content.code);
    return content;
  }

  /** Whether this is the same person in the same role, perhaps in another session. */
  isSameAs({ name, role }) {
    return this.name === name && this.role === role;
  }

  may(role) {
    return RANKS.indexOf(this.role) >= RANKS.indexOf(role);
  }
}

/**
 * One room at the desk. Emits `change` (the room or its drops moved), `ledger`, `begin` (all is new;
 * the value is the chat so far), `chat`, `chat.deleted`, `pulse`, `announcement`, `moderated`,
 * `state` (as `Line` does) and `signed-out` (the session has run out or was ended).
 */
export class Desk extends Emitter {
  view = new Storefront();
  clock = new ServerClock();
  muted = new Set();
  banned = new Set();
  ledger = null;
  moments = [];
  seq = 0;
  #line;
  #heardAtMs = 0;
  #watch = 0;
  #left = false;

  /** `presses` are those that this desk knows from before its page was loaded anew. */
  constructor(api, room, presses = []) {
    super();
    this.api = api;
    this.room = room;
    this.path = `/rooms/${encodeURIComponent(room)}`;
    const url = new URL(`/api/v1${this.path}/desk`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.#line = new Line({
      address: (attempt) => this.#address(url.href, attempt),
      after: (code, reason, attempt) =>
        [Close.TICKET_EXPIRED, Close.ROOM_GONE].includes(code) ? null : backoffMs(attempt),
      protocols: ["livestream.desk.v1"],
    });
    this.actions = new Actions({
      send: (...call) => this.#ask(...call),
      now: () => this.clock.now(),
      before: () => this.#before(),
      presses,
    });
    this.#line.on("state", (state) => {
      if (state.state !== "open") this.actions.online = false;
      this.#heardAtMs = performance.now();
      this.emit("state", state);
      if (state.code === Close.TICKET_EXPIRED) this.resume();
      if (state.code === Close.ROOM_GONE) this.emit("room-gone");
    });
    this.#line.on("frame", (frame) => this.#hear(frame));
  }

  open() {
    this.#line.open();
    this.#watch = setInterval(() => this.#listen(), 2_000);
    addEventListener("offline", this.#cutOff);
  }

  close() {
    this.#left = true;
    clearInterval(this.#watch);
    removeEventListener("offline", this.#cutOff);
    this.#line.close();
  }

  /** Go on in the session that this browser has by now; without one, `signed-out`. */
  async resume() {
    try {
      await this.api.resume();
      if (!this.#left) this.#line.open();
    } catch {
      if (!this.#left) this.emit("signed-out");
    }
  }

  /** A call about this room. What changes something is an action, whose fate is told (`actions.js`). */
  call(method, path, body, how) {
    return method === "GET"
      ? this.#ask(method, path)
      : this.actions.call(method, path, body, how);
  }

  async #ask(method, path, body, key) {
    try {
      return await this.api.call(method, this.path + path, body, key);
    } catch (error) {
      if (error.status === 401) this.emit("signed-out");
      throw error;
    }
  }

  /** The room as it is, for those who take an action back. */
  #before() {
    const { cards, drops, pinned, slowModeMs, pinnedMessage } = this.view;
    const drafts = new Map((this.ledger?.drafts ?? []).map((draft) => [draft.drop_id, draft]));
    return { cards, drops, drafts, pinned, slowModeMs, pinnedMessage };
  }

  /** A connection that is only half there says nothing: silence tells. */
  #listen() {
    if (this.actions.online && performance.now() - this.#heardAtMs > SILENCE_MS) this.#cutOff();
  }

  #cutOff = () => {
    this.#line.close();
    this.emit("state", { state: "waiting", retryInMs: 0 });
    this.#line.open();
  };

  /** A drop with the freshest levels: the books' own where the ledger has them. */
  dropNow(shown) {
    const books = this.ledger?.drops.find(({ drop_id }) => drop_id === shown.drop_id);
    if (!books) return { withdrawn: 0, perks_awarded: 0, ...shown };
    const status = this.ledger.seq >= this.seq ? books.status : shown.status;
    return { ...books, status }; // all that viewers see of it is in there, and what is gone is not
  }

  /** A browser is not told why an upgrade was refused, so ask first when it was. */
  async #address(href, attempt) {
    if (!this.seq && !attempt) return href;
    try {
      await this.api.resume();
      await this.api.call("GET", this.path);
    } catch (error) {
      if (error.status === 401) this.emit("signed-out");
      if (error.status === 404) this.emit("room-gone");
      throw error;
    }
    return href;
  }

  #hear(frame) {
    this.#heardAtMs = performance.now();
    switch (frame.type) {
      case "desk":
        this.clock.observe(frame.server_time_ms);
        this.ledger = frame.ledger;
        this.moments = frame.moments;
        this.seq = frame.storefront?.seq ?? 0;
        if (frame.storefront) this.view.reset(frame.storefront);
        this.muted = new Set(frame.storefront?.muted);
        this.banned = new Set(frame.storefront?.banned);
        this.actions.online = true;
        if (this.ledger) this.actions.hear(this.ledger);
        this.emit("begin", frame.chat);
        break;
      case "ledger":
        this.ledger = frame.ledger;
        this.actions.hear(frame.ledger);
        this.emit("ledger");
        return;
      case "time":
      case "pulse":
        this.clock.observe(frame.server_time_ms);
        break;
      case "viewer.muted":
        mark(this.muted, frame.viewer, frame.muted);
        this.emit("moderated");
        break;
      case "viewer.banned":
        mark(this.banned, frame.viewer, frame.banned);
        this.emit("moderated");
        break;
    }
    this.seq = Math.max(this.seq, frame.seq ?? 0);
    if (this.view.apply(frame)) this.emit("change");
    this.emit(frame.type, frame);
  }
}

function mark(marked, viewer, on) {
  if (on) marked.add(viewer);
  else marked.delete(viewer);
}
