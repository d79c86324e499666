/**
 * Talk and likes.
 *
 * Owns the lines of chat on screen, the composer and the heart. Nothing moves under the eyes of who
 * reads back: what is said meanwhile is counted, and shown on the way down. Refuses to know shopping.
 */

import { byId, el, setText } from "/static/client/dom.js";
import { language, press, t } from "./speech.js";

/** Lines kept on screen, and as many unread; a busy room says more in a minute. */
const LINES_MAX = 120;
/** Taps travel together: the protocol takes 50 at once. */
const LIKES_EVERY_MS = 500;
const LIKES_MAX = 50;
const NEAR_THE_END_PX = 40;

export class Talk {
  #live;
  #list = byId("chat");
  #unread = [];
  #missed = 0;
  /** Whether new lines scroll into view. */
  #follows = true;
  #tapped = 0;
  #likes = 0;

  constructor(live) {
    this.#live = live;
    live.on("welcome", ({ snapshot }) => snapshot && this.#begin(snapshot));
    live.on("chat", ({ messages, skipped }) => {
      for (const message of messages) this.#add(this.#line(message));
      if (skipped) this.#add(el("p", { className: "aside" }, t("chat.skipped", { n: skipped })));
    });
    live.on("chat.deleted", ({ message_id }) => {
      for (const line of [...this.#list.children, ...this.#unread])
        if (line.dataset.message === message_id) line.remove();
      this.#unread = this.#unread.filter((line) => line.dataset.message !== message_id);
      this.#showMissed();
    });
    live.on("chat.pinned", ({ message }) => this.#pin(message));
    live.on("pulse", ({ likes }) => this.#showLikes(likes));
    const said = byId("talk-said");
    live.on("chat.not_shown", () => setText(said, t("chat.not_shown")));
    press(byId("talk-send"), () => this.#send(), said);
    byId("like").addEventListener("click", () => this.#tap());
    setInterval(() => this.#sendLikes(), LIKES_EVERY_MS);
    const list = this.#list;
    list.addEventListener("scroll", () => {
      this.#follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_THE_END_PX;
      if (this.#follows) this.#catchUp();
    });
    byId("chat-new").addEventListener("click", () => {
      this.#catchUp();
      list.focus();
    });
    new ResizeObserver(() => this.#follow()).observe(list); // a keyboard came or went
  }

  #follow() {
    if (this.#follows) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Something the house says, between the lines. */
  announce(text) {
    this.#add(el("p", { className: "aside" }, text));
  }

  /** Guests may read. */
  allow(role) {
    const guest = role !== "viewer";
    byId("talk-text").disabled = byId("talk-send").disabled = byId("like").disabled = guest;
    byId("talk-text").placeholder = t(guest ? "chat.guests" : "chat.say");
  }

  #pin(message) {
    setText(byId("chat-pinned"), message ? [message.name, message.text].filter(Boolean).join(" · ") : "");
  }

  #begin({ chat, likes, pinned_message }) {
    this.#pin(pinned_message);
    this.#unread = [];
    this.#list.replaceChildren(...chat.map((message) => this.#line(message)));
    this.#follows = true;
    this.#catchUp();
    this.#likes = 0;
    this.#showLikes(likes);
  }

  #line({ id, viewer, name, text, badge }) {
    const line = el(
      "p",
      { className: viewer === this.#live.viewer ? "mine" : "" },
      badge ? el("span", { className: "badge" }, badge) : null,
      el("span", { className: "name" }, name),
      " ",
      el("span", {}, text),
    );
    line.dataset.message = id;
    return line;
  }

  #add(line) {
    if (this.#follows) {
      this.#show(line);
      return;
    }
    this.#unread.push(line);
    this.#missed += 1;
    if (this.#unread.length > LINES_MAX) this.#unread.shift();
    this.#showMissed();
  }

  #show(...lines) {
    this.#list.append(...lines);
    while (this.#list.children.length > LINES_MAX) this.#list.firstChild.remove();
    this.#follow();
  }

  #catchUp() {
    this.#follows = true;
    this.#missed = 0;
    this.#show(...this.#unread.splice(0));
    this.#showMissed();
  }

  #showMissed() {
    byId("chat-new").hidden = this.#unread.length === 0;
    setText(byId("chat-new"), this.#missed ? t("chat.new", { n: this.#missed }) : "");
  }

  async #send() {
    const field = byId("talk-text");
    const text = field.value.trim();
    if (!text) return;
    await this.#live.ask({ type: "chat.send", text });
    if (field.value.trim() === text) field.value = "";
    this.#catchUp();
  }

  #tap() {
    this.#tapped = Math.min(this.#tapped + 1, LIKES_MAX);
    this.#showLikes(this.#likes + 1);
    const heart = byId("like");
    heart.classList.remove("tapped");
    void heart.offsetWidth; // begin the beat anew
    heart.classList.add("tapped");
  }

  #sendLikes() {
    if (this.#tapped && this.#live.like(this.#tapped)) this.#tapped = 0;
  }

  /** Our own taps show at once; the room's count takes over when it has caught up. */
  #showLikes(likes) {
    this.#likes = Math.max(this.#likes, likes);
    const text = this.#likes ? language.few(this.#likes) : "";
    setText(byId("likes"), text);
    if (!this.#tapped) byId("like").ariaLabel = t("like.label", { n: this.#likes });
  }
}
