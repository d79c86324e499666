/**
 * The viewer protocol, version 1, from a browser's side.
 *
 *     const live = new Livestream({ url: "wss://live.example/live/salon", ticket: () => token });
 *     live.on("stock.changed", (frame) => …);
 *     const hold = await live.ask({ type: "cart.add", sku: "santos-dumont" });
 *
 * Owns the connection: back-off, resume by epoch and since, the server's clock, requests and their
 * answers by id. Refuses to know pages, products and what anything looks like. One file without
 * dependencies, so that any page may take it as it is. Times are milliseconds, money is in minor
 * units; frames reach the handlers as the server wrote them (docs/clients.md).
 */

export const SUBPROTOCOL = "livestream.v1";

/** Why a connection ended, where it changes what to do next. */
export const Close = {
  RESTARTING: 1012,
  TICKET_EXPIRED: 4001,
  BANNED: 4003,
  ROOM_GONE: 4004,
  MISUSE: 4009,
  FLOODING: 4029,
};

/** A repeat of any other by the same id does no harm, so those survive a lost connection. */
const SAID_ONCE = "chat.send";
const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 15_000;
/** A connection that lasted this long was a good one: the next failure starts to count from one. */
const STEADY_MS = 10_000;
const ASK_TIMEOUT_MS = 20_000;
/** Commands that wait for their answers at once; a person at a page has one or two. */
const PENDING_MAX = 32;
/** The pulse comes every second or two. Silence is first questioned; unanswered, the line is dead. */
const SILENCE_MS = 12_000;
const PROBE_ANSWER_MS = 8_000;
/** Handshakes refused in a row (a browser does not tell why) before another ticket is tried. */
const REFUSALS_BEFORE_NEW_TICKET = 2;

/** The server said no: `code` is from the closed list, or "timeout" or "offline" from this side. */
export class Refused extends Error {
  constructor({ code, message, retryable = false, retry_after_ms = 0 }) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retry_after_ms;
  }
}

/** An id that nobody else makes; works on plain http pages too, where `randomUUID` is absent. */
export function makeId(prefix) {
  const words = crypto.getRandomValues(new Uint32Array(3));
  return `${prefix}-${Array.from(words, (word) => word.toString(36)).join("")}`;
}

/** "Full jitter": anywhere up to a bound that doubles, so that a crowd does not return as one. */
export function backoffMs(attempt, random = Math.random) {
  return random() * Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** attempt);
}

/** The server's clock as seen from here. */
export class ServerClock {
  #offsets = [];

  /** The offset of the quickest recent message is the truest: delay only ever makes it smaller. */
  observe(serverTimeMs) {
    this.#offsets.push(serverTimeMs - localMs());
    if (this.#offsets.length > 15) this.#offsets.shift();
  }

  now() {
    return localMs() + (this.#offsets.length ? Math.max(...this.#offsets) : 0);
  }
}

/** Monotonic, so that a viewer who sets the clock does not move a countdown. */
function localMs() {
  return performance.timeOrigin + performance.now();
}

/** Handlers by frame type. */
export class Emitter {
  #handlers = new Map();

  /** Call `handler(frame)` for every `type`; returns a function that stops it. */
  on(type, handler) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
    this.#handlers.get(type).add(handler);
    return () => this.#handlers.get(type).delete(handler);
  }

  emit(type, value) {
    for (const handler of this.#handlers.get(type) ?? []) {
      try {
        handler(value);
      } catch (error) {
        console.error(`handler of ${type}`, error); // one broken handler must not stop the others
      }
    }
  }
}

/**
 * A websocket that comes back. Emits `open`, `frame` (parsed JSON), `down` ({code, reason}) and
 * `state`: {state: "connecting" | "open" | "waiting" | "closed", retryInMs, code, reason}.
 *
 * `address(attempt)` gives the URL for the next attempt, as a value or a promise.
 * `after(code, reason, attempt)` says how long to wait, null to give up; absent: `backoffMs`.
 * `probe()` sends something that is always answered; absent: silence is never taken for death.
 */
export class Line extends Emitter {
  #address;
  #after;
  #probe;
  #protocols;
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #silence = 0;
  #heardAtMs = 0;
  #probedAtMs = 0;
  #wanted = false;

  constructor({ address, after, probe = null, protocols = [] }) {
    super();
    this.#address = address;
    this.#probe = probe;
    this.#after = after ?? ((code, reason, attempt) => backoffMs(attempt));
    this.#protocols = protocols;
  }

  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#silence = setInterval(() => this.#listen(), 2_000);
    globalThis.addEventListener?.("online", this.#hurry);
    globalThis.document?.addEventListener("visibilitychange", this.#hurry);
    this.#dial();
  }

  close() {
    if (!this.#wanted) return;
    this.#end(1000, "");
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /** Whether the text went out; false when there is no connection now. */
  send(text) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  async #dial() {
    this.emit("state", { state: "connecting", retryInMs: 0 });
    let socket;
    try {
      socket = new WebSocket(await this.#address(this.#attempt), this.#protocols);
    } catch (error) {
      this.#lost(1006, String(error), 0);
      return;
    }
    if (!this.#wanted) {
      socket.close();
      return;
    }
    this.#socket = socket;
    let openedAtMs = 0;
    socket.onopen = () => {
      openedAtMs = this.#heardAtMs = localMs();
      this.emit("state", { state: "open", retryInMs: 0 });
      this.emit("open");
    };
    socket.onmessage = ({ data }) => {
      this.#heardAtMs = localMs();
      this.emit("frame", JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#lost(code, reason, openedAtMs);
    };
  }

  #lost(code, reason, openedAtMs) {
    this.#socket = null;
    if (!this.#wanted) return;
    if (openedAtMs && localMs() - openedAtMs > STEADY_MS) this.#attempt = 0;
    this.emit("down", { code, reason, opened: openedAtMs > 0 });
    const retryInMs = this.#after(code, reason, this.#attempt);
    if (retryInMs === null) {
      this.#end(code, reason);
      return;
    }
    this.#attempt += 1;
    this.emit("state", { state: "waiting", retryInMs, code, reason });
    this.#timer = setTimeout(() => this.#redial(), retryInMs);
  }

  #redial() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#dial();
  }

  /** Back on line, or looked at again: no reason to sit out a long wait. */
  #hurry = () => {
    if (this.#timer && globalThis.document?.visibilityState !== "hidden") this.#redial();
  };

  /** A half-open connection says nothing: only silence tells. Timers of a hidden tab may be late. */
  #listen() {
    const nowMs = localMs();
    if (!this.#probe || this.#socket?.readyState !== 1 || nowMs - this.#heardAtMs < SILENCE_MS)
      return;
    if (this.#probedAtMs < this.#heardAtMs) {
      this.#probedAtMs = nowMs;
      this.#probe();
    } else if (nowMs - this.#probedAtMs > PROBE_ANSWER_MS) {
      const dead = this.#socket;
      this.#lost(1006, "silence", this.#heardAtMs);
      dead.close(); // its own close event may take a minute: nobody waits for it
    }
  }

  #end(code, reason) {
    this.#wanted = false;
    clearTimeout(this.#timer);
    clearInterval(this.#silence);
    globalThis.removeEventListener?.("online", this.#hurry);
    globalThis.document?.removeEventListener("visibilitychange", this.#hurry);
    this.emit("state", { state: "closed", retryInMs: 0, code, reason });
  }
}

/**
 * One viewer in one room; `url` is the room's address on a gateway. Emits every frame under its
 * type, and `state` as `Line` does.
 *
 * `ticket(renew)` gives the token, or null for a guest; `renew` is true when the last one was
 * refused or ran out. Announcements come once each and in order of seq, across reconnects.
 */
export class Livestream extends Emitter {
  viewer = null;
  role = null;
  clock = new ServerClock();
  #line;
  #url;
  #ticket;
  #renew = false;
  #refusals = 0;
  #epoch = null;
  #since = 0;
  #welcomed = false;
  #attention = "full";
  #pending = new Map();

  constructor({ url, ticket = () => null }) {
    super();
    this.#url = url;
    this.#ticket = ticket;
    this.#line = new Line({
      address: () => this.#address(),
      after: (code, reason, attempt) => this.#after(code, reason, attempt),
      // Any answer is a sign of life, and this one comes from the gateway itself.
      probe: () => this.attention(this.#attention),
      protocols: [SUBPROTOCOL],
    });
    this.#line.on("frame", (frame) => this.#hear(frame));
    this.#line.on("down", (end) => this.#down(end));
    this.#line.on("state", (state) => this.emit("state", state));
  }

  open() {
    this.#line.open();
  }

  close() {
    this.#line.close();
    for (const id of [...this.#pending.keys()])
      this.#refuse(id, "offline", "the page left the room");
  }

  /**
   * Send a command and wait for its answer: the result, or a `Refused`. Shopping is asked again
   * under the same id after a reconnect, or when the room is busy; chat is not. Give `id` to go on
   * with an earlier attempt.
   */
  ask(message, { timeoutMs = ASK_TIMEOUT_MS } = {}) {
    const id = message.id ?? makeId("c");
    const repeatable = message.type !== SAID_ONCE;
    return new Promise((resolve, reject) => {
      if (this.#pending.size >= PENDING_MAX || (!repeatable && !this.#welcomed)) {
        reject(
          new Refused({ code: "offline", message: "not connected just now", retryable: true }),
        );
        return;
      }
      const timer = setTimeout(
        () => this.#refuse(id, "timeout", "no answer came in time"),
        timeoutMs,
      );
      this.#pending.set(id, { message: { ...message, id }, repeatable, resolve, reject, timer });
      if (this.#welcomed) this.#line.send(JSON.stringify({ ...message, id }));
    });
  }

  /** Taps since the last call; nobody waits for the answer. */
  like(count) {
    return this.#say({ type: "like", count });
  }

  /** "commerce" stops chat and pulse, for instance in a hidden tab; "full" brings them back. */
  attention(level) {
    this.#attention = level;
    return this.#say({ type: "attention", level });
  }

  /** The server's time now. */
  now() {
    return this.clock.now();
  }

  #say(message) {
    return this.#welcomed && this.#line.send(JSON.stringify({ ...message, id: makeId("c") }));
  }

  async #address() {
    const ticket = await this.#ticket(this.#renew);
    this.#renew = false;
    const address = new URL(this.#url);
    if (ticket) address.searchParams.set("ticket", ticket);
    if (this.#epoch !== null) {
      address.searchParams.set("epoch", this.#epoch);
      address.searchParams.set("since", this.#since);
    }
    return address.href;
  }

  /** How long to wait after this ending; null when coming back is no use. */
  #after(code, reason, attempt) {
    if (code === Close.BANNED || code === Close.ROOM_GONE) return null;
    if (code === Close.TICKET_EXPIRED) this.#renew = true;
    if (code === Close.MISUSE || code === Close.FLOODING) return RETRY_MAX_MS;
    const told = code === Close.RESTARTING ? Number(/\d+/.exec(reason)?.[0] ?? NaN) : NaN;
    return Number.isNaN(told) ? backoffMs(attempt) : told * (0.5 + Math.random());
  }

  #down({ opened }) {
    this.#refusals = opened ? 0 : this.#refusals + 1;
    if (this.#refusals >= REFUSALS_BEFORE_NEW_TICKET) this.#renew = true;
    this.#welcomed = false;
    for (const [id, { repeatable }] of [...this.#pending]) {
      if (!repeatable) this.#refuse(id, "offline", "the connection was lost on the way");
    }
  }

  #hear(frame) {
    if (frame.type === "welcome") return this.#welcome(frame);
    if (frame.type === "reply") return this.#answer(frame);
    if (frame.type === "pulse") this.clock.observe(frame.server_time_ms);
    if (frame.seq !== undefined) {
      if (frame.seq <= this.#since) return undefined; // heard before the reconnect
      this.#since = frame.seq;
      if (frame.type === "epoch.started") this.#epoch = frame.epoch;
    }
    return this.emit(frame.type, frame);
  }

  #welcome(frame) {
    this.viewer = frame.viewer;
    this.role = frame.role;
    this.clock.observe(frame.server_time_ms);
    if (!frame.resumed) {
      // A snapshot is a new beginning. After a resume the missed frames follow and move these on.
      this.#epoch = frame.epoch;
      this.#since = frame.seq;
    }
    this.#welcomed = true;
    this.emit("welcome", frame);
    if (this.#attention !== "full") this.attention(this.#attention);
    for (const { message } of this.#pending.values()) this.#line.send(JSON.stringify(message));
  }

  #answer({ to, ok, result, error }) {
    const waiting = this.#pending.get(to);
    if (!waiting) return;
    if (!ok && waiting.repeatable && (error.code === "busy" || error.code === "rate_limited")) {
      const waitMs = Math.max(error.retry_after_ms ?? 0, 300) * (1 + Math.random());
      setTimeout(() => this.#again(to), waitMs);
      return;
    }
    clearTimeout(waiting.timer);
    this.#pending.delete(to);
    if (ok) waiting.resolve(result);
    else waiting.reject(new Refused(error));
  }

  #again(id) {
    const waiting = this.#pending.get(id);
    if (waiting && this.#welcomed) this.#line.send(JSON.stringify(waiting.message));
  }

  #refuse(id, code, message) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.#pending.delete(id);
    waiting.reject(new Refused({ code, message, retryable: true }));
  }
}
