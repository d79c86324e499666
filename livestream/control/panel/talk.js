/**
 * Chat at the desk: reading along, and taking words or people out.
 *
 * Owns the lines, all of them and the questions among them, and what may be done about one. Refuses to
 * know the rest of the desk; what is not about a single line is in `talk_tools.js`.
 */

import { byId, el, formatCount, onPress, setText } from "/static/client/page.js";
import { askOnce } from "./ask.js";
import { isQuestion } from "./pace.js";
import { Lines } from "./talk_lines.js";
import { Tools } from "./talk_tools.js";
import { clockTime } from "./words.js";

/** Lines remembered by id, for what is told of them later: 1,000 x about 300 bytes. */
const KNOWN_MAX = 1_000;
/** Open questions; who asks more than a host can answer asks again. */
const QUESTIONS_MAX = 200;
/** How ids begin that the control server gave away itself. */
const WALK_IN = "walk-in-";

const say = (text) => setText(byId("chat-said"), text);
const linePath = (id) => `/chat/${encodeURIComponent(id)}`;
const viewerPath = (viewer, verb) => `/viewers/${encodeURIComponent(viewer)}/${verb}`;

export class Talk {
  #desk;
  #known = new Map();
  #open = new Set();
  #all;
  #questions;

  constructor(desk) {
    this.#desk = desk;
    this.tools = new Tools(desk, (id) => this.#known.get(id));
    this.#all = new Lines(byId("chat"), byId("chat-new"), (message) => this.#line(message));
    this.#questions = new Lines(byId("questions"), byId("questions-new"), (message) =>
      this.#line(message, true),
    );
    desk.on("begin", (chat) => {
      this.#remember(chat);
      this.#all.begin(chat);
      this.#open = new Set();
      const asked = this.#asked(chat);
      this.#questions.begin(asked);
      this.#markModerated();
    });
    desk.on("chat", ({ messages, skipped }) => {
      this.#remember(messages);
      for (const { id } of messages) this.#unmark(id);
      this.#all.take(messages, skipped);
      this.#questions.take(this.#asked(messages));
    });
    desk.on("chat.deleted", ({ message_id }) => {
      for (const lines of [this.#all, this.#questions])
        lines.delete(message_id, (line) => line.classList.add("deleted"));
      this.#close(message_id);
    });
    desk.on("moderated", () => this.#markModerated());
    this.#count();
  }

  tick(nowMs) {
    this.#all.tick(nowMs);
    this.#questions.tick(nowMs);
  }

  #remember(messages) {
    for (const message of messages) this.#known.set(message.id, message);
    for (const id of [...this.#known.keys()].slice(0, -KNOWN_MAX)) this.#known.delete(id);
  }

  /** Those of the lines that ask something, each once. */
  #asked(messages) {
    const asked = messages.filter(({ id, text }) => isQuestion(text) && !this.#open.has(id));
    for (const { id } of asked) this.#open.add(id);
    for (const id of [...this.#open].slice(0, -QUESTIONS_MAX)) this.#open.delete(id);
    this.#count();
    return asked;
  }

  #close(id) {
    this.#open.delete(id);
    this.#count();
  }

  #count() {
    const { size } = this.#open;
    setText(byId("chat-questions"), size ? `Questions ${formatCount(size)}` : "Questions");
  }

  #unmark(id) {
    for (const lines of [this.#all, this.#questions])
      lines.find(id)?.classList.remove("deleted");
  }

  /** Who has lost the word is seen at each of the lines. */
  #markModerated() {
    for (const line of document.querySelectorAll("#talk .chat [data-viewer]")) this.#markAuthor(line);
  }

  #markAuthor(line) {
    const { muted, banned } = this.#desk;
    const { viewer } = line.dataset;
    line.dataset.standing = banned.has(viewer) ? "banned" : muted.has(viewer) ? "muted" : "";
  }

  // -- a line ------------------------------------------------------------------------------------

  #line(message, asksSomething = false) {
    const { id, viewer, name, text, badge, at_ms } = message;
    const actions = el("span", { className: "actions" });
    if (asksSomething) actions.append(this.#answered(id, text));
    if (this.#desk.api.may("moderator")) actions.append(...this.#deeds(message));
    const line = el(
      "p",
      { title: `${viewer} · ${clockTime(at_ms)}`, tabIndex: -1 },
      el("span", { className: "said-by" }, badge ? `${badge} ${name}` : name),
      el("span", { className: "text" }, text),
      actions,
    );
    line.dataset.message = id;
    line.dataset.viewer = viewer;
    this.#markAuthor(line);
    return line;
  }

  #deeds({ id, viewer, name, text }) {
    return [
      button("Pin", `“${text}”`, () => this.tools.pin({ text, name, message_id: id })),
      button("Delete", `“${text}”`, () => this.#delete(id, name, text)),
      button("Show again", `“${text}”`, () => this.#restore(id, name, text)),
      button("Mute", name, () =>
        this.#desk.call("POST", viewerPath(viewer, "mute"), { muted: true }),
      ),
      button("Ban", name, () => this.#ban(viewer, name)),
    ];
  }

  #answered(id, text) {
    return button("Answered", `“${text}”`, () => {
      this.#close(id);
      byId("questions").querySelector(`[data-message="${CSS.escape(id)}"]`)?.remove();
    });
  }

  #delete(id, name, text) {
    const words = `Delete ${name}: “${text}”`;
    return this.#desk.call("DELETE", linePath(id), undefined, { words });
  }

  #restore(id, name, text) {
    const words = `Show again ${name}: “${text}”`;
    return this.#desk.call("POST", `${linePath(id)}/restore`, undefined, { words });
  }

  async #ban(viewer, name) {
    const after = viewer.startsWith(WALK_IN)
      ? "Who walked in without a ticket of yours may walk in again by another name."
      : "The door stays shut until you open it again.";
    const sure = await askOnce(
      `Ban ${name} (${viewer})? The connection closes. ${after}`,
      "Ban",
    );
    if (sure) await this.#desk.call("POST", viewerPath(viewer, "ban"), { banned: true });
  }
}

function button(label, about, action) {
  const node = el(
    "button",
    { type: "button", className: "tiny", "aria-label": `${label} ${about}` },
    label,
  );
  node.dataset.deed = label;
  onPress(node, action, say);
  return node;
}

/** Wire the choice between all lines and questions once. */
export function wireFilter() {
  const show = (only) => {
    for (const [id, on] of [
      ["chat", !only],
      ["questions", only],
    ])
      byId(id).parentElement.hidden = !on;
    byId("chat-all").setAttribute("aria-pressed", String(!only));
    byId("chat-questions").setAttribute("aria-pressed", String(only));
    const list = byId(only ? "questions" : "chat");
    list.scrollTop = list.scrollHeight;
  };
  byId("chat-all").addEventListener("click", () => show(false));
  byId("chat-questions").addEventListener("click", () => show(true));
}
