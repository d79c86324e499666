/**
 * Chat at the desk: reading along, and taking words or people out.
 *
 * Owns the lines and who is muted or banned on this screen. Refuses to know the rest of the desk.
 */

import { byId, el, formatCount, onPress, setText } from "/static/client/page.js";
import { askOnce } from "./ask.js";

const LINES_MAX = 200;
/** How ids begin that the control server gave away itself. */
const WALK_IN = "walk-in-";

export class Talk {
  #desk;
  #list = byId("chat");
  #say = (text) => setText(byId("chat-said"), text);

  constructor(desk) {
    this.#desk = desk;
    desk.on("begin", (chat) => {
      this.#list.replaceChildren();
      for (const message of chat) this.#add(this.#line(message));
      this.#drawModerated();
    });
    desk.on("chat", ({ messages, skipped }) => {
      for (const message of messages) this.#add(this.#line(message));
      if (skipped) this.#add(el("p", { className: "quiet" }, `and ${formatCount(skipped)} more`));
    });
    desk.on("chat.deleted", ({ message_id }) => {
      for (const line of this.#list.children)
        if (line.dataset.message === message_id) line.classList.add("deleted");
    });
    desk.on("moderated", () => this.#drawModerated());
  }

  #line({ id, viewer, name, text, badge, at_ms }) {
    const actions = el("span", { className: "actions" });
    if (this.#desk.api.may("moderator")) {
      const button = (label, about, action) => {
        const node = el(
          "button",
          { type: "button", className: "tiny", "aria-label": `${label} ${about}` },
          label,
        );
        onPress(node, action, this.#say);
        return node;
      };
      actions.append(
        button("Delete", `“${text}”`, () =>
          this.#desk.call("DELETE", `/chat/${encodeURIComponent(id)}`),
        ),
        button("Mute", name, () => this.#moderate(viewer, "mute", { muted: true })),
        button("Ban", name, () => this.#ban(viewer, name)),
      );
    }
    const line = el(
      "p",
      { title: `${viewer} · ${new Date(at_ms).toLocaleTimeString()}` },
      el("span", { className: "said-by" }, badge ? `${badge} ${name}` : name),
      el("span", { className: "text" }, text),
      actions,
    );
    line.dataset.message = id;
    return line;
  }

  #add(line) {
    const list = this.#list;
    // Whoever points at a line, or reads back, is about to press: nothing moves under the hand.
    const still =
      list.matches(":hover, :focus-within") ||
      list.scrollHeight - list.scrollTop - list.clientHeight > 40;
    list.append(line);
    while (list.children.length > LINES_MAX) list.firstChild.remove();
    if (!still) list.scrollTop = list.scrollHeight;
  }

  #moderate(viewer, verb, body) {
    return this.#desk.call("POST", `/viewers/${encodeURIComponent(viewer)}/${verb}`, body);
  }

  async #ban(viewer, name) {
    const after = viewer.startsWith(WALK_IN)
      ? "Who walked in without a ticket of yours may walk in again by another name."
      : "The door stays shut until you open it again.";
    const sure = await askOnce(
      `Ban ${name} (${viewer})? The connection closes. ${after}`,
      "Ban",
    );
    if (sure) await this.#moderate(viewer, "ban", { banned: true });
  }

  #drawModerated() {
    const { muted, banned } = this.#desk;
    const rows = [
      ...[...muted].map((viewer) => [viewer, "muted"]),
      ...[...banned].map((viewer) => [viewer, "banned"]),
    ];
    setText(byId("moderated-count"), formatCount(rows.length));
    byId("moderated-list").replaceChildren(
      ...rows.map(([viewer, how]) => {
        const back = el(
          "button",
          { type: "button", className: "small" },
          how === "muted" ? "Let speak" : "Let in",
        );
        const verb = how === "muted" ? "mute" : "ban";
        onPress(back, () => this.#moderate(viewer, verb, { [how]: false }), this.#say);
        return el(
          "li",
          { className: "title-row" },
          el("span", {}, `${viewer} `, el("span", { className: "quiet" }, how)),
          back,
        );
      }),
    );
  }
}

/** Wire slow mode once; `current()` is the desk at work. */
export function wireSlowMode(current) {
  const select = byId("slow-mode");
  select.addEventListener("change", async () => {
    select.disabled = true;
    setText(byId("chat-said"), "");
    try {
      await current().call("PUT", "/chat/slow-mode", { interval_ms: Number(select.value) });
    } catch (error) {
      setText(byId("chat-said"), error.message);
      showSlowMode(current().view.slowModeMs);
    } finally {
      select.disabled = false;
    }
  });
}

/** Show what the room has, also where it is none of our choices. */
export function showSlowMode(intervalMs) {
  const select = byId("slow-mode");
  const value = String(intervalMs);
  if (![...select.options].some((option) => option.value === value)) {
    select.append(el("option", { value }, `${intervalMs / 1000} s`));
  }
  if (!select.disabled) select.value = value;
}
