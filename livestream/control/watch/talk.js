/**
 * Talk and likes.
 *
 * Owns the lines of chat on screen, the composer and the heart. Refuses to know shopping.
 */

import { Refused } from "/static/client/livestream.js";
import { byId, el, formatCount, onPress, setText } from "/static/client/page.js";
import { inWords } from "./words.js";

/** Lines kept on screen; a busy room says more in a minute. */
const LINES_MAX = 120;
/** Taps travel together: the protocol takes 50 at once. */
const LIKES_EVERY_MS = 500;
const LIKES_MAX = 50;

export class Talk {
  #live;
  #list = byId("chat");
  /** Whether new lines scroll into view: who reads back is left alone. */
  #follows = true;
  #tapped = 0;
  #likes = 0;

  constructor(live) {
    this.#live = live;
    live.on("welcome", ({ snapshot }) => snapshot && this.#begin(snapshot));
    live.on("chat", ({ messages, skipped }) => {
      for (const message of messages) this.#add(this.#line(message));
      if (skipped) this.#add(el("p", { className: "aside" }, `and ${formatCount(skipped)} more`));
    });
    live.on("chat.deleted", ({ message_id }) => {
      for (const line of this.#list.children)
        if (line.dataset.message === message_id) line.remove();
    });
    live.on("pulse", ({ likes }) => this.#showLikes(likes));
    const said = (text) => setText(byId("talk-said"), text);
    live.on("chat.not_shown", () =>
      said("More was said than anyone can read: your line did not come up."),
    );
    onPress(byId("talk-send"), () => this.#send(), said);
    byId("like").addEventListener("click", () => this.#tap());
    setInterval(() => this.#sendLikes(), LIKES_EVERY_MS);
    const list = this.#list;
    list.addEventListener("scroll", () => {
      this.#follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    });
    // The bag's line comes and goes below the list and changes its height.
    new ResizeObserver(() => this.#follow()).observe(list);
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
    byId("talk-text").placeholder = guest ? "Guests may read along" : "Say something";
  }

  #begin({ chat, likes }) {
    this.#list.replaceChildren();
    for (const message of chat) this.#add(this.#line(message));
    this.#likes = 0;
    this.#showLikes(likes);
  }

  #line({ id, viewer, name, text, badge }) {
    const line = el(
      "p",
      { className: viewer === this.#live.viewer ? "mine" : "" },
      badge ? el("span", { className: "badge" }, badge) : null,
      el("span", { className: "name" }, name),
      el("span", {}, text),
    );
    line.dataset.message = id;
    return line;
  }

  #add(line) {
    this.#list.append(line);
    while (this.#list.children.length > LINES_MAX) this.#list.firstChild.remove();
    this.#follow();
  }

  async #send() {
    const field = byId("talk-text");
    const text = field.value.trim();
    if (!text) return;
    try {
      await this.#live.ask({ type: "chat.send", text });
    } catch (error) {
      throw error instanceof Refused ? new Error(inWords(error)) : error;
    }
    if (field.value.trim() === text) field.value = "";
    this.#follows = true;
    this.#follow();
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
    setText(byId("likes"), this.#likes ? formatCount(this.#likes) : "");
    byId("like").setAttribute("aria-label", `Like. ${formatCount(this.#likes)} so far`);
  }
}
