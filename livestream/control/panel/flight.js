/**
 * The flight deck: the light with its reason, how far the last announcements got, gateways, Redis
 * and the engine.
 *
 * Owns how they are shown. Every figure is the engine's; what the page judges by itself is in
 * `flight_rules.js`.
 */

import { byId, el, formatCount, setText } from "/static/client/page.js";
import { shareBar } from "./charts.js";
import {
  GATEWAYS_SHOWN,
  completion,
  eventName,
  formatBytes,
  formatShare,
  fullness,
  isLate,
  isSilent,
  lightNow,
  shortSpan,
  worstFirst,
} from "./flight_rules.js";
import { clockTime } from "./words.js";

const LIGHT_WORDS = { green: "Green", amber: "Amber", red: "Red" };
const DRAW_EVERY_MS = 1_000;

export class FlightDeck {
  #heardAtMs = performance.now();
  #drawnAtMs = -Infinity;
  #line = "connecting";
  #why = "";
  #opened = false;
  #said = "";

  constructor(desk) {
    this.desk = desk;
    byId("light").hidden = true;
    desk.on("state", ({ state, reason }) => {
      this.#line = state;
      // While Redis is away the next attempts fail without a word: the last word stands.
      if (state === "open") this.#why = "";
      else this.#why = reason || this.#why;
      this.#opened ||= state === "open";
      this.tick();
    });
    desk.on("begin", () => {
      // What was kept may be of an engine that is long gone.
      const oldMs = desk.ledger ? Math.max(0, desk.clock.now() - desk.ledger.at_ms) : 0;
      this.#hear(oldMs);
    });
    desk.on("ledger", () => this.#hear(0));
  }

  #hear(oldMs) {
    this.#heardAtMs = performance.now() - oldMs;
    this.tick();
  }

  /** Look again; drawn once a second at most, and at once when the light changes. */
  tick() {
    if (!this.#opened) return;
    const { ledger } = this.desk;
    const nowMs = performance.now();
    const silentMs = nowMs - this.#heardAtMs;
    const now = lightNow({ line: this.#line, why: this.#why, ledger, silentMs });
    const said = `${now.light} ${now.reasons[0]?.code ?? ""}`;
    if (said === this.#said && nowMs - this.#drawnAtMs < DRAW_EVERY_MS) return;
    this.#drawnAtMs = nowMs;
    drawLight(now);
    // A reader hears of a change, and not of each second that a silence lasts.
    if (said !== this.#said) setText(byId("light-said"), `${LIGHT_WORDS[now.light]}. ${now.words}`);
    this.#said = said;
    if (!ledger) return;
    drawFacts(ledger);
    drawArrivals(ledger.flight?.arrivals ?? [], this.desk.clock.now());
    drawGateways(ledger.audience.gateways);
  }
}

function lamp(light) {
  return el("span", { className: `lamp ${light}`, "aria-hidden": "true" });
}

function drawLight({ light, reasons, words }) {
  const word = LIGHT_WORDS[light];
  byId("light").hidden = false;
  byId("light").dataset.light = light;
  byId("light").title = words;
  byId("light").replaceChildren(
    lamp(light),
    el("strong", {}, word),
    el("span", { className: "why" }, words),
  );
  const lines = reasons.map((reason) =>
    el(
      "li",
      {},
      lamp(reason.light),
      el("span", {}, el("strong", {}, reason.text), " ", el("span", { className: "quiet" }, reason.advice)),
    ),
  );
  byId("reasons").hidden = lines.length === 0; // the lamp in the top row says it all
  byId("reasons").replaceChildren(...lines);
}

function drawFacts({ owner, resting, epoch, seq, audience, engine, flight }) {
  const redis = flight?.redis;
  const sum = (name) => audience.gateways.reduce((total, one) => total + one[name], 0);
  const since = engine.since_ms ? clockTime(engine.since_ms) : "";
  const worst = engine.append_ms_worst ? `, ${engine.append_ms_worst.toFixed(1)} at worst` : "";
  const limit = redis?.limit_bytes ? ` of ${formatBytes(redis.limit_bytes)}` : "";
  const facts = [
    ["Engine", resting ? "at rest" : owner || "none", since && !resting ? `since ${since}` : ""],
    ["Epoch", formatCount(epoch), `seq ${formatCount(seq)}`],
    ["Redis", `${engine.append_ms_last.toFixed(1)} ms${worst}`],
    ["Memory", redis ? `${formatBytes(redis.used_bytes)}${limit}` : "–"],
    ["Behind", formatCount(sum("behind"))],
    [
      "Closed as too slow",
      formatCount(sum("slow_evictions")),
      flight?.evicted_last_minute ? `${formatCount(flight.evicted_last_minute)} this minute` : "",
    ],
  ];
  byId("engine").replaceChildren(
    ...facts.map(([name, value, below]) =>
      el(
        "div",
        {},
        el("dt", { className: "label" }, name),
        el("dd", {}, value, " ", below ? el("span", { className: "quiet" }, below) : null),
      ),
    ),
  );
}

function drawArrivals(arrivals, nowMs) {
  const rows = arrivals.map((arrival) => {
    const share = completion(arrival);
    const behind = arrival.behind ? ` · ${formatCount(arrival.behind)} behind` : "";
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, eventName(arrival.type)),
      el("td", { className: "quiet" }, shortSpan(Math.max(0, nowMs - arrival.at_ms))),
      el(
        "td",
        { className: "has" },
        shareBar(share ?? 0, share !== null && share < 0.99 ? "short" : ""),
        el("span", {}, formatShare(share)),
        el(
          "span",
          { className: "quiet" },
          `${formatCount(arrival.reached)} of ${formatCount(arrival.addressed)}${behind}`,
        ),
      ),
      el("td", {}, arrival.p50_ms === null ? "–" : shortSpan(arrival.p50_ms)),
      el("td", {}, arrival.p99_ms === null ? "–" : shortSpan(arrival.p99_ms)),
    );
  });
  if (!rows.length)
    rows.push(
      el("tr", {}, el("td", { colSpan: 5, className: "quiet" }, "Nothing was announced yet.")),
    );
  byId("arrivals").tBodies[0].replaceChildren(...rows);
}

function drawGateways(gateways) {
  const sorted = worstFirst(gateways).map(gatewayRow);
  const [body, rest] = byId("gateways").tBodies;
  const more = byId("gateways-more");
  const hidden = Math.max(0, sorted.length - GATEWAYS_SHOWN);
  more.hidden = hidden === 0;
  const open = more.getAttribute("aria-expanded") === "true";
  setText(more, open ? "The worst only" : `${hidden} more, less busy`);
  rest.hidden = !open || hidden === 0;
  if (!sorted.length)
    sorted.push(el("tr", {}, el("td", { colSpan: 6, className: "quiet" }, "No gateway.")));
  body.replaceChildren(...sorted.slice(0, GATEWAYS_SHOWN));
  rest.replaceChildren(...sorted.slice(GATEWAYS_SHOWN));
}

function gatewayRow(one) {
  const full = fullness(one);
  const marks = (bad, text) => el("td", { className: bad ? "bad" : "" }, text);
  return el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      one.id,
      isSilent(one)
        ? el("span", { className: "bad" }, ` silent ${shortSpan(one.age_ms)}`)
        : null,
    ),
    el(
      "td",
      { className: "has" },
      shareBar(full, full > 0.9 ? "short" : ""),
      el("span", {}, formatCount(one.viewers)),
      one.turned_away
        ? el("span", { className: "bad" }, `${formatCount(one.turned_away)} turned away`)
        : null,
    ),
    marks(one.behind > 0.2 * one.viewers && one.viewers > 0, formatCount(one.behind)),
    el("td", {}, `${Math.round(one.cpu * 100)} %`),
    marks(isLate(one), `${formatCount(one.lag_ms)} ms`),
    el("td", {}, formatCount(one.frames_per_s)),
  );
}

/** The one button of the deck, once. */
export function wireFlightDeck() {
  const more = byId("gateways-more");
  more.addEventListener("click", () => {
    const open = more.getAttribute("aria-expanded") !== "true";
    more.setAttribute("aria-expanded", String(open));
    const [, rest] = byId("gateways").tBodies;
    rest.hidden = !open;
    setText(more, open ? "The worst only" : `${rest.rows.length} more, less busy`);
  });
}
