// The viewer's page: what is offered and what may be expected, where an order stands, what is mine.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { addEventListener() {} }; // the page's own double-click watch
const { choose, Language } = await import("/static/watch/language.js");
const { hint, notes, opensAtMs, priceAt, wish } = await import("/static/watch/offering.js");
const { dueMinor, later, slotPerkOf, stateOf } = await import("/static/watch/orders.js");
const { Bag } = await import("/static/watch/bag.js");
const { Emitter, Refused, backoffMs } = await import("/static/client/livestream.js");

const NOW = 1_700_000_000_000;
const MINE = { held: 0, reserved: true, place: undefined, entry: undefined };
const languages = {};
for (const tag of ["en", "fr", "zh"])
  languages[tag] = new Language(tag, (await import(`/static/watch/words.${tag}.js`)).default);
const { en, fr, zh } = languages;

function drop(more = {}) {
  return {
    sku: "santos",
    status: "open",
    supply: 288,
    available: 200,
    held: 8,
    sold: 80,
    waiting: 0,
    next: 0,
    limit_per_viewer: 1,
    opens_at_ms: null,
    access: null,
    perks: [],
    currency: "CNY",
    price_minor: 2_880_000,
    ...more,
  };
}

// -- the language ---------------------------------------------------------------------------------

test("the address says the language, else the browser does, else it is English", () => {
  assert.equal(choose(["fr", "zh-CN"]), "fr");
  assert.equal(choose([null, "de-DE", "zh-Hans-CN", "en"]), "zh");
  assert.equal(choose(["xx", "de"]), "en");
  assert.equal(choose([null]), "en");
});

test("each language writes numbers, plurals and money as its readers do", () => {
  assert.equal(en.say("room.viewers", { n: 770_000 }), "770,000 viewers");
  assert.equal(en.say("room.viewers", { n: 1 }), "1 viewer");
  assert.equal(fr.say("room.viewers", { n: 0 }), "0 spectateur");
  assert.equal(zh.say("room.viewers", { n: 2 }), "2 人观看");
  assert.equal(en.money(2_880_000, "CNY"), "CN¥28,800");
  assert.equal(en.money(2_880_050, "CNY"), "CN¥28,800.50");
  assert.equal(zh.money(2_880_000, "CNY"), "¥28,800");
  assert.equal(fr.money(2_880_000, "EUR").replace(/\s/g, " "), "28 800 €");
  assert.equal(en.money(28_800, "JPY"), "¥28,800");
  assert.equal(en.money(1_500, "KWD").replace(/\s/g, " "), "KWD 1.500");
  assert.equal(en.few(9_999), "9,999");
  assert.equal(zh.few(770_000), "77万");
});

test("a moment of today is a time, another one has its day", () => {
  assert.match(en.when(NOW, NOW), /^\d+:\d\d [AP]M$/);
  assert.match(en.when(NOW + 30 * 86_400_000, NOW), /2023, /);
  assert.equal(fr.span(90_061_000), "1 j 1:01:01");
});

// -- what is offered --------------------------------------------------------------------------------

const act = (changes, mine = {}, room = "live") =>
  wish(drop(changes), room, { ...MINE, ...mine }, NOW).act;
const key = (changes, mine = {}, room = "live") =>
  wish(drop(changes), room, { ...MINE, ...mine }, NOW).key;

test("what is open is reserved, what is held is waited for, what is mine is paid", () => {
  assert.equal(act(), "reserve");
  assert.equal(act({ status: "all_held" }), "wait");
  assert.equal(act({ waiting: 3 }), "wait", "what falls free goes to those in line");
  assert.equal(act({ waiting: 3 }, { place: { number: 4 } }), "leave");
  assert.equal(act({}, { held: 1 }), "open");
  assert.equal(key({}, { held: 1, reserved: false }), "buy.in_bag");
  assert.equal(key({ limit_per_viewer: 2 }, { held: 1 }), "buy.another");
});

test("what is shut says why", () => {
  for (const status of ["sold_out", "closed", "paused"]) assert.equal(act({ status }), null);
  assert.equal(key({ status: "sold_out" }), "buy.sold_out");
  assert.equal(key({ status: "scheduled" }), "buy.not_yet");
  assert.equal(key({}, {}, "created"), "buy.not_yet");
  assert.equal(key({}, {}, "ended"), "buy.closed");
  assert.equal(act({}, { held: 1 }, "ended"), "open", "what is held may still be paid");
});

test("a lottery is entered once and in its window, and then given", () => {
  const lottery = { entries_from_ms: NOW, entries_until_ms: NOW + 1_000 };
  assert.equal(act({ status: "scheduled", lottery }), "enter");
  const later_ = { ...lottery, entries_from_ms: NOW + 1 };
  assert.equal(act({ status: "scheduled", lottery: later_ }), null);
  assert.equal(key({ status: "scheduled", lottery }, { entry: { number: 1 } }), "draw.entered");
  assert.equal(key({ lottery }), "draw.given");
  assert.equal(opensAtMs(drop({ status: "scheduled", lottery })), NOW + 1_000);
});

test("a presale takes deposits until its end", () => {
  const presale = { deposit_until_ms: NOW + 1 };
  assert.equal(act({ presale }), "reserve");
  assert.equal(key({ presale: { deposit_until_ms: NOW } }), "presale.over");
});

test("the hint tells the levels, or the place in line", () => {
  assert.equal(hint(drop(), MINE, en), "200 of 288 left, 8 reserved");
  assert.equal(hint(drop({ held: 0 }), MINE, en), "200 of 288 left");
  assert.equal(hint(drop({ held: 0, shelves: {} }), MINE, en), "200 of 288 left in all channels");
  const none = { available: 0, status: "all_held", waiting: 12, next: 5 };
  assert.match(hint(drop(none), MINE, en), /^All are reserved just now \(8\).* 12 in line\.$/);
  const place = { number: 7 };
  assert.match(hint(drop(none), { ...MINE, place }, en), /number 7 in line\. At most 2 before you/);
  assert.match(hint(drop({ ...none, next: 7 }), { ...MINE, place }, en), /You are next\./);
  assert.equal(hint(drop({ status: "scheduled" }), MINE, en), "");
  assert.ok(!hint(drop(none), { ...MINE, place }, zh).includes("。 "));
});

test("perks of the drop and of the room, a presale and who comes first are said beforehand", () => {
  const perks = [{ first_n: 88, name: "Bellboy" }];
  const rules = { perks: [{ first_n: 1, name: "A gift" }] };
  assert.deepEqual(notes(drop({ perks }), rules, en), [
    "The first 88 orders: Bellboy",
    "The first order: A gift",
  ]);
  const access = { tiers: { gold: NOW }, invited_only: false };
  const [said] = notes(drop({ access, opens_at_ms: NOW + 60_000 }), { perks: [] }, en);
  assert.match(said, /friends of the house first/);
  const invited = { tiers: {}, invited_only: true };
  assert.deepEqual(notes(drop({ access: invited }), { perks: [] }, en), ["By invitation."]);
});

test("a flash price holds from its start, and not at its end", () => {
  const flash = [{ from_ms: NOW, until_ms: NOW + 5, price_minor: 1 }];
  assert.deepEqual(priceAt(drop({ flash }), NOW), { minor: 1, untilMs: NOW + 5 });
  assert.deepEqual(priceAt(drop({ flash }), NOW + 5), { minor: 2_880_000, untilMs: null });
});

// -- orders -----------------------------------------------------------------------------------------

test("an order never goes backwards, and news are added to what is known", () => {
  const paid = later({ order_id: "o1", status: "placed", total_minor: 5 }, { status: "paid", paid_seq: 3 });
  assert.deepEqual([paid.status, paid.total_minor, paid.paid_seq], ["paid", 5, 3]);
  assert.equal(later(paid, { status: "placed", perks: [] }).status, "paid");
  assert.equal(later(paid, { status: "refunded" }).status, "refunded");
});

test("what is due is all of it, or a deposit and later the balance, and nothing twice", () => {
  const presale = { deposit_minor: 10, balance_minor: 90, balance_from_ms: NOW };
  assert.equal(dueMinor({ status: "placed", total_minor: 100 }, NOW), 100);
  assert.equal(dueMinor({ status: "placed", total_minor: 100, payment: "processing" }, NOW), null);
  assert.equal(dueMinor({ status: "placed", total_minor: 100, presale }, NOW), 10);
  assert.equal(dueMinor({ status: "deposited", presale }, NOW), 90);
  assert.equal(dueMinor({ status: "deposited", presale }, NOW - 1), null);
  assert.equal(dueMinor({ status: "paid", total_minor: 100 }, NOW), null);
});

test("where an order stands is said in words, in every state and language", () => {
  const presale = { balance_from_ms: NOW };
  const states = ["placed", "expired", "deposited", "defaulted", "cancelled", "paid", "refunded"];
  for (const language of [en, fr, zh])
    for (const status of states) assert.ok(stateOf({ status, presale }, language));
  assert.equal(stateOf({ status: "paid", paid_seq: 1 }, en), "Confirmed · no. 1");
  assert.equal(
    stateOf({ status: "paid", refunded_minor: 100, currency: "EUR" }, en),
    "Confirmed · €1 given back",
  );
  assert.equal(stateOf({ status: "placed", payment: "processing" }, en), "Payment under way…");
});

test("a slot is for a perk that may yet be won, and once paid for one that was", () => {
  const bellboy = { perk_id: "bellboy", slots: true };
  const offered = [{ perk_id: "case", slots: false }, { perk_id: "tailor", slots: true }, bellboy];
  const won = [{ perk_id: "case" }, { perk_id: "bellboy" }];
  assert.equal(slotPerkOf({ status: "placed" }, offered).perk_id, "tailor");
  assert.equal(slotPerkOf({ status: "deposited" }, offered).perk_id, "tailor");
  assert.equal(slotPerkOf({ status: "paid", perks: won }, offered), bellboy);
  assert.equal(slotPerkOf({ status: "paid" }, offered), undefined);
  assert.equal(slotPerkOf({ status: "expired", perks: won }, offered), undefined);
  assert.equal(slotPerkOf({ status: "placed" }, [{ perk_id: "case", slots: false }]), undefined);
});

// -- the connection -------------------------------------------------------------------------------------

test("who lost the line comes back anywhere up to a bound that doubles and ends", () => {
  const bounds = [0, 1, 2, 3, 4, 60].map((attempt) => backoffMs(attempt, () => 1));
  assert.deepEqual(bounds, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  assert.equal(backoffMs(4, () => 0), 0);
  const one = backoffMs(4);
  assert.notEqual(one, backoffMs(4), "no two at once");
});

// -- what is mine -------------------------------------------------------------------------------------

/** A room that answers as it is told, and a clock that is moved by hand. */
function shop({ shops = true } = {}) {
  const live = new Emitter();
  const asked = [];
  const answers = [];
  const clock = { now: NOW };
  Object.assign(live, {
    role: "viewer",
    now: () => clock.now,
    ask: async (message) => {
      asked.push(message);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { bag: new Bag(live, shops), live, asked, answers, clock };
}

const hold = (more = {}) => ({ hold_id: "h1", sku: "santos", quantity: 1, expires_at_ms: NOW + 1, ...more });
const turn = () => new Promise(setImmediate);

test("of a crowd that comes back only those ask who shop", async () => {
  const guest = shop({ shops: false });
  guest.live.emit("welcome", {});
  assert.equal(guest.asked.length, 0);
  const { bag, live, asked, answers } = shop();
  answers.push({ holds: [hold()], orders: [], waiting: [], entries: [] });
  live.emit("welcome", {});
  await turn();
  assert.deepEqual(asked, [{ type: "cart.show" }]);
  assert.equal(bag.of(drop()).held, 1);
});

test("a checkout without an answer is asked again as it was, one that was refused is not", async () => {
  const { bag, asked, answers } = shop();
  const lost = new Refused({ code: "timeout", message: "" });
  answers.push(hold(), lost, new Refused({ code: "coupon_rejected", message: "" }));
  await bag.reserve("santos");
  await assert.rejects(bag.checkOut({ coupon: "A" }), lost);
  await assert.rejects(bag.checkOut({ coupon: "B" }));
  answers.push({ order_id: "o1", status: "placed", lines: [], total_minor: 7 });
  const order = await bag.checkOut({ coupon: "C" });
  const [, first, again, third] = asked;
  assert.deepEqual(again, first);
  assert.notEqual(third.checkout_id, first.checkout_id);
  assert.deepEqual([third.coupon, bag.due(order), bag.holds.size], ["C", 7, 0]);
});

test("news of a payment that does not come is asked for, once in a while", async () => {
  const { bag, asked, answers, clock } = shop();
  answers.push({ order_id: "o1", status: "placed", payment: "processing", expires_at_ms: NOW + 300_000 });
  await bag.pay("o1", "tok");
  bag.tick(clock.now + 9_000);
  assert.equal(asked.length, 1, "the bank has time to answer");
  answers.push({ holds: [], orders: [{ order_id: "o1", status: "paid" }], waiting: [] });
  bag.tick(clock.now + 14_000);
  bag.tick(clock.now + 14_200);
  await turn();
  assert.deepEqual(asked.slice(1), [{ type: "cart.show" }]);
  assert.equal(bag.orders.get("o1").status, "paid");
});

// Answers and private news reach a gateway by two subscriptions, and so in any order.
test("the bank's word is kept when it comes before the answer to the payment", async () => {
  const { bag, live } = shop();
  live.ask = async ({ order_id }) => {
    live.emit("payment.declined", { type: "payment.declined", order_id });
    return { order_id, status: "placed", payment: "processing", expires_at_ms: NOW + 1 };
  };
  await bag.pay("o1", "tok_decline");
  assert.equal(bag.orders.get("o1").payment, "declined");
});

test("an offer ends the wait, a lapsed hold says so, a perk joins its order", async () => {
  const { bag, live, answers } = shop();
  answers.push({ number: 3, sku: "santos" });
  assert.equal(await bag.wait("santos"), false);
  assert.equal(bag.of(drop({ waiting: 1, next: 3 })).place.number, 3);
  const told = [];
  for (const type of ["offered", "lapsed"]) bag.on(type, ({ hold_id }) => told.push([type, hold_id]));
  live.emit("hold.offered", { type: "hold.offered", ...hold() });
  assert.equal(bag.of(drop()).place, undefined);
  live.emit("hold.expired", { hold_id: "h1" });
  live.emit("hold.expired", { hold_id: "h1" });
  assert.deepEqual(told, [["offered", "h1"], ["lapsed", "h1"]]);
  const perk = { type: "perk.awarded", order_id: "o1", drop_id: "d1", perk_id: "p", rank: 1 };
  live.emit("perk.awarded", perk);
  live.emit("perk.awarded", perk);
  assert.equal(bag.orders.get("o1").perks.length, 1);
});
