/**
 * The numbers of the desk: the strip on top and the books below.
 *
 * Owns how a ledger is read by people. Refuses to compute money: every sum comes from the engine.
 */

import { byId, el, formatCount, formatMoney, setText } from "/static/client/page.js";

const SVG = "http://www.w3.org/2000/svg";
/** One point for each ledger, at most 4 a second: half a minute to a few minutes. */
const POINTS_MAX = 120;

/** A figure with its label, a quiet line below it and the way it went. */
class Figure {
  #points = [];

  constructor(label) {
    this.value = el("dd", { className: "value" }, "–");
    this.below = el("dd", { className: "quiet" });
    this.path = document.createElementNS(SVG, "polyline");
    const chart = document.createElementNS(SVG, "svg");
    chart.setAttribute("viewBox", "0 0 120 24");
    chart.setAttribute("preserveAspectRatio", "none");
    chart.setAttribute("aria-hidden", "true");
    chart.append(this.path);
    this.node = el(
      "div",
      { className: "figure" },
      el("dt", { className: "label" }, label),
      this.value,
      this.below,
      el("dd", { className: "spark" }, chart),
    );
  }

  show(value, below = "") {
    setText(this.value, value);
    setText(this.below, below);
  }

  /** Add a point to the line, which is drawn once there is something to see in it. */
  point(number) {
    this.#points.push(number);
    if (this.#points.length > POINTS_MAX) this.#points.shift();
    const top = Math.max(...this.#points);
    if (top === Math.min(...this.#points)) return;
    const step = 120 / Math.max(1, this.#points.length - 1);
    const points = this.#points.map(
      (each, at) => `${(at * step).toFixed(1)},${(23 - (22 * each) / top).toFixed(1)}`,
    );
    this.path.setAttribute("points", points.join(" "));
  }
}

export class Numbers {
  constructor() {
    this.viewers = new Figure("Viewers");
    this.joined = new Figure("Joined");
    this.likes = new Figure("Likes");
    this.orders = new Figure("Orders paid");
    this.perks = new Figure("Perks");
    this.gmv = new Map();
    this.noGmv = new Figure("GMV net");
    this.noGmv.node.classList.add("gmv");
    this.noGmv.show("–", "nothing paid yet");
    this.strip = byId("figures");
    this.strip.replaceChildren(
      ...[this.noGmv, this.viewers, this.joined, this.likes, this.orders, this.perks].map(
        ({ node }) => node,
      ),
    );
  }

  /** Draw a ledger; `titleOf(sku)` names products. */
  update(ledger, titleOf) {
    const { audience, orders, holds, totals, drops } = ledger;
    this.viewers.show(formatCount(audience.viewers), `peak ${formatCount(audience.peak)}`);
    this.viewers.point(audience.viewers);
    this.joined.show(formatCount(audience.joined), `${formatCount(audience.unique)} different`);
    this.likes.show(formatCount(audience.likes));
    this.orders.show(
      formatCount(orders.paid),
      `${formatCount(orders.placed)} placed, ${formatCount(holds.open)} held`,
    );
    this.orders.point(orders.paid);
    const awarded = drops.reduce((sum, drop) => sum + drop.perks_awarded, 0);
    const offered = drops.flatMap((drop) => drop.perks).reduce((sum, perk) => sum + perk.first_n, 0);
    this.perks.show(formatCount(awarded), offered ? `of ${formatCount(offered)}` : "");
    for (const total of totals) this.#showTotal(total);
    drawTakings(ledger.takings, titleOf);
    drawCounts(ledger);
  }

  #showTotal({ currency, gross_minor, refunded_minor, net_minor }) {
    this.noGmv.node.remove();
    if (!this.gmv.has(currency)) {
      const figure = new Figure(`GMV net, ${currency}`);
      figure.node.classList.add("gmv");
      this.gmv.set(currency, figure);
      this.strip.prepend(figure.node);
    }
    const figure = this.gmv.get(currency);
    const refunded = refunded_minor ? `, ${formatMoney(refunded_minor, currency)} refunded` : "";
    figure.show(
      formatMoney(net_minor, currency),
      `gross ${formatMoney(gross_minor, currency)}${refunded}`,
    );
    figure.point(net_minor);
  }
}

function drawTakings(takings, titleOf) {
  const rows = takings.map(
    ({ currency, sku, channel, gross_minor, refunded_minor, units_sold, units_refunded }) =>
      row(
        titleOf(sku),
        channel,
        units_refunded
          ? `${formatCount(units_sold)} − ${formatCount(units_refunded)}`
          : formatCount(units_sold),
        formatMoney(gross_minor, currency),
        refunded_minor ? formatMoney(refunded_minor, currency) : "",
        formatMoney(gross_minor - refunded_minor, currency),
      ),
  );
  if (!rows.length)
    rows.push(el("tr", {}, el("td", { colSpan: 6, className: "quiet" }, "Nothing paid yet.")));
  byId("takings").tBodies[0].replaceChildren(...rows);
}

function drawCounts({ audience, orders, holds, chat, refusals }) {
  const pairs = [
    ["orders expired", orders.expired],
    ["orders refunded", orders.refunded],
    ["holds placed", holds.placed],
    ["left", audience.left],
    ["chat shown", chat.shown],
    ["chat skipped", chat.skipped],
    ...Object.entries(audience.by_channel).map(([channel, viewers]) => [
      `now from ${channel}`,
      viewers,
    ]),
    ...Object.entries(refusals).map(([code, count]) => [`answered “${code}”`, count]),
  ];
  byId("counts").tBodies[0].replaceChildren(
    ...pairs.map(([name, value]) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, formatCount(value))),
    ),
  );
}

function row(first, ...rest) {
  return el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((text) => el("td", {}, text)));
}

/** One quiet line about who runs the room. */
export function engineLine(ledger, nowMs) {
  const { owner, resting, epoch, seq, at_ms, audience, engine } = ledger;
  const evicted = audience.gateways.reduce((sum, gateway) => sum + gateway.slow_evictions, 0);
  const parts = [
    resting ? "at rest, a command wakes the room" : `engine ${owner || "none"}`,
    `epoch ${epoch}`,
    `seq ${formatCount(seq)}`,
    `${audience.gateways.length} gateway${audience.gateways.length === 1 ? "" : "s"}`,
    `append ${engine.append_ms_last.toFixed(1)} ms`,
  ];
  if (evicted) parts.push(`${formatCount(evicted)} too slow`);
  const silentMs = nowMs - at_ms;
  if (!resting && silentMs > 6_000) parts.push(`no news from the engine for ${Math.round(silentMs / 1000)} s`);
  return parts.join(" · ");
}
