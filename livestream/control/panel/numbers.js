/**
 * The numbers of the desk: the strip on top with its small charts, and the books below.
 *
 * Owns how a ledger is read by people, and which of its figures are kept over time. Refuses to
 * compute money: every sum comes from the engine.
 */

import { byId, el, formatCount, formatMoney, setText } from "/static/client/page.js";
import { Sparkline, shareBar } from "./charts.js";
import { perMinute, withPoint } from "./series.js";

const formatRate = (value) => `${formatCount(Math.round(value))} a minute`;
const pace = (value) => `${formatCount(Math.round(value))}/min`;
const formatPercent = (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`;

/** A figure with its label, a quiet line below it and the way it went. `rate`: a count's pace. */
class Figure {
  #points = [];

  constructor(label, format, { rate = false } = {}) {
    this.rate = rate;
    this.value = el("dd", { className: "value" }, "–");
    this.below = el("dd", { className: "quiet" });
    this.chart = format ? new Sparkline(label, format) : null;
    this.node = el(
      "div",
      { className: "figure" },
      el("dt", { className: "label" }, label),
      this.value,
      this.below,
      this.chart ? el("dd", { className: "spark" }, this.chart.node) : null,
    );
  }

  show(value, below = "") {
    setText(this.value, value);
    setText(this.below, below);
  }

  /** Begin with what was, as `[atMs, value]`. */
  begin(past) {
    this.#points = past.reduce((points, [atMs, value]) => withPoint(points, atMs, value), []);
    this.#draw();
  }

  /** One more point, drawn once a second at most. */
  point(atMs, value) {
    const points = withPoint(this.#points, atMs, value);
    if (points === this.#points) return;
    this.#points = points;
    this.#draw();
  }

  /** Of a count, how fast it grows now. */
  get pace() {
    return perMinute(this.#points).at(-1)?.value ?? 0;
  }

  #draw() {
    this.chart.draw(this.rate ? perMinute(this.#points) : this.#points);
  }
}

export class Numbers {
  constructor(desk) {
    this.viewers = new Figure("Viewers", formatCount);
    this.joined = new Figure("Joins", formatRate, { rate: true });
    this.chat = new Figure("Chat", formatRate, { rate: true });
    this.likes = new Figure("Likes", formatRate, { rate: true });
    this.orders = new Figure("Orders paid", formatCount);
    this.conversion = new Figure("Conversion", formatPercent);
    this.perks = new Figure("Perks");
    this.gmv = new Map();
    this.noGmv = new Figure("GMV net");
    this.noGmv.node.classList.add("gmv");
    this.noGmv.show("–", "nothing paid yet");
    this.strip = byId("figures");
    const { viewers, joined, chat, likes, orders, conversion, perks } = this;
    this.strip.replaceChildren(
      ...[this.noGmv, viewers, joined, chat, likes, orders, conversion, perks].map(
        ({ node }) => node,
      ),
    );
    desk.on("begin", () => this.#begin(desk.moments));
  }

  /** The charts begin with the last hour, as the book of attendance has it. */
  #begin(moments) {
    const past = (figure, value, of = moments) =>
      figure.begin(of.map((moment) => [moment.at_ms, value(moment)]));
    past(this.viewers, ({ viewers }) => viewers);
    past(this.joined, ({ joined }) => joined);
    past(this.chat, ({ chat }) => chat);
    past(this.likes, ({ likes }) => likes);
    past(this.orders, ({ orders_paid }) => orders_paid);
    const counted = moments.filter(({ unique }) => unique > 0);
    past(this.conversion, ({ buyers, unique }) => (100 * buyers) / Math.max(unique, buyers), counted);
    const currencies = new Set(moments.flatMap(({ net_minor }) => Object.keys(net_minor)));
    for (const currency of [...currencies, ...this.gmv.keys()])
      past(this.#gmvOf(currency), ({ net_minor }) => net_minor[currency] ?? 0);
  }

  /** Draw a ledger; `titleOf(sku)` names products. */
  update(ledger, titleOf) {
    const { at_ms: atMs, audience, chat, orders, holds, totals, drops, buyers = 0 } = ledger;
    this.viewers.point(atMs, audience.viewers);
    this.viewers.show(formatCount(audience.viewers), `peak ${formatCount(audience.peak)}`);
    this.joined.point(atMs, audience.joined);
    this.joined.show(formatCount(audience.joined), pace(this.joined.pace));
    this.chat.point(atMs, chat.shown + chat.skipped);
    this.chat.show(
      pace(this.chat.pace),
      chat.skipped ? `${formatCount(chat.skipped)} left out` : `${formatCount(chat.shown)} shown`,
    );
    this.likes.point(atMs, audience.likes);
    this.likes.show(formatCount(audience.likes), pace(this.likes.pace));
    this.orders.point(atMs, orders.paid);
    this.orders.show(
      formatCount(orders.paid),
      `${formatCount(orders.placed)} placed, ${formatCount(holds.open)} held`,
    );
    // Different viewers are an estimate, a little below what they are now and then.
    const different = Math.max(audience.unique, buyers);
    const converted = different > 0 ? (100 * buyers) / different : null;
    if (converted !== null) this.conversion.point(atMs, converted);
    this.conversion.show(
      converted === null ? "–" : formatPercent(converted),
      `${formatCount(buyers)} of ${formatCount(different)}`,
    );
    const awarded = drops.reduce((sum, drop) => sum + drop.perks_awarded, 0);
    const offered = drops.flatMap((drop) => drop.perks).reduce((sum, perk) => sum + perk.first_n, 0);
    this.perks.show(formatCount(awarded), offered ? `of ${formatCount(offered)}` : "");
    for (const total of totals) this.#showTotal(total, atMs);
    drawTakings(ledger.takings, titleOf);
    drawCounts(ledger);
  }

  #showTotal({ currency, gross_minor, refunded_minor, net_minor }, atMs) {
    const figure = this.#gmvOf(currency);
    const refunded = refunded_minor ? `, ${formatMoney(refunded_minor, currency)} refunded` : "";
    figure.point(atMs, net_minor);
    figure.show(
      formatMoney(net_minor, currency),
      `gross ${formatMoney(gross_minor, currency)}${refunded}`,
    );
  }

  #gmvOf(currency) {
    this.noGmv.node.remove();
    if (!this.gmv.has(currency)) {
      const figure = new Figure(`GMV net, ${currency}`, (minor) => formatMoney(minor, currency));
      figure.node.classList.add("gmv");
      this.gmv.set(currency, figure);
      this.strip.prepend(figure.node);
    }
    return this.gmv.get(currency);
  }
}

/** By product and channel; the bar is a line's share of the currency's best. */
function drawTakings(takings, titleOf) {
  const netOf = ({ gross_minor, refunded_minor }) => gross_minor - refunded_minor;
  const best = new Map();
  for (const line of takings)
    best.set(line.currency, Math.max(best.get(line.currency) ?? 1, netOf(line)));
  const rows = takings.map((line) => {
    const { currency, sku, channel, gross_minor, refunded_minor, units_sold, units_refunded } = line;
    const refunded = refunded_minor ? ` − ${formatMoney(refunded_minor, currency)}` : "";
    return el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        titleOf(sku),
        el("span", { className: "quiet" }, channel),
        shareBar(netOf(line) / best.get(currency), "part"),
      ),
      el(
        "td",
        {},
        units_refunded
          ? `${formatCount(units_sold)} − ${formatCount(units_refunded)}`
          : formatCount(units_sold),
      ),
      el(
        "td",
        {},
        formatMoney(netOf(line), currency),
        el("span", { className: "quiet" }, `${formatMoney(gross_minor, currency)}${refunded}`),
      ),
    );
  });
  if (!rows.length)
    rows.push(el("tr", {}, el("td", { colSpan: 3, className: "quiet" }, "Nothing paid yet.")));
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
    ["chat blocked", chat.blocked],
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
