// The desk's line: lost by silence or by the network's word, found by its first frame.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

const NOW = 1_700_000_000_000;
let sockets = [];
let windowHears = {};
let passedMs = 0;

class Socket {
  readyState = 0;

  constructor(url) {
    this.url = url;
    sockets.push(this);
  }

  close() {
    this.readyState = 3;
  }

  begin() {
    this.readyState = 1;
    this.onopen();
    const storefront = { seq: 7, title: "", status: "live", cards: [], pinned: null, drops: [] };
    this.tell({ type: "desk", server_time_ms: NOW, storefront, ledger: null, chat: [] });
  }

  tell(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
}

globalThis.document = { addEventListener() {}, removeEventListener() {} };
globalThis.location = { href: "http://127.0.0.1/" };
globalThis.WebSocket = Socket;
globalThis.addEventListener = (type, handler) => {
  windowHears[type] = handler;
};
globalThis.removeEventListener = (type) => delete windowHears[type];
mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
mock.method(performance, "now", () => passedMs);
const { Desk } = await import("/static/panel/desk.js");

/** A desk whose first frame has come, and what it said of its line since then. */
async function opened(call = async () => ({})) {
  const desk = new Desk({ resume: async () => {}, isSameAs: () => true, call }, "salon");
  const states = [];
  desk.open();
  await settled();
  sockets[0].begin();
  desk.on("state", ({ state }) => states.push(state));
  return { desk, states };
}

async function settled() {
  await new Promise(setImmediate);
}

function pass(ms) {
  for (let at = 0; at < ms; at += 1_000) {
    passedMs += 1_000;
    mock.timers.tick(1_000);
  }
}

beforeEach(() => {
  sockets = [];
  windowHears = {};
});

test("a desk that hears the time every few seconds keeps its line", async () => {
  const { desk, states } = await opened();
  for (let at = 0; at < 10; at += 1) {
    pass(4_000);
    sockets[0].tell({ type: "time", server_time_ms: NOW + passedMs });
  }
  assert.deepEqual([states, sockets.length], [[], 1]);
  assert.equal(desk.actions.online, true);
  desk.close();
});

test("one that hears nothing for longer has lost it, says so, and dials again", async () => {
  const { desk, states } = await opened();
  pass(16_000);
  await settled();
  assert.ok(states.includes("waiting"));
  assert.equal(desk.actions.online, false);
  assert.equal(sockets.length, 2);
  sockets[1].readyState = 1;
  sockets[1].onopen();
  assert.equal(desk.actions.online, false, "not before the first frame");
  sockets[1].begin();
  assert.equal(desk.actions.online, true);
  desk.close();
});

test("a room that is gone is not dialled for ever, whether the feed says so or the next dial does", async () => {
  const said = await opened();
  let gone = 0;
  said.desk.on("room-gone", () => (gone += 1));
  sockets[0].onclose({ code: 4004, reason: "the room was wiped" });
  pass(30_000);
  await settled();
  assert.deepEqual([gone, sockets.length], [1, 1]);
  said.desk.close();

  sockets = [];
  const refused = Object.assign(new Error("no room salon"), { status: 404 });
  const found = await opened(async () => Promise.reject(refused));
  found.desk.on("room-gone", () => {
    gone += 1;
    found.desk.close();
  });
  windowHears.offline();
  await settled();
  await settled();
  assert.deepEqual([gone, sockets.length], [2, 1]);
});

test("when the network says that it is gone, nobody waits for the silence", async () => {
  const { desk } = await opened();
  windowHears.offline();
  assert.equal(desk.actions.online, false);
  desk.close();
  assert.deepEqual(Object.keys(windowHears).includes("offline"), false, "a closed desk does not listen");
});
