/**
 * Moderation beside the single line: what is pinned, who is muted and banned, blocked words, slow mode,
 * and who of the moderators did what.
 *
 * Owns these parts of the pane. Refuses to know lines of chat: what it needs of one it asks for.
 */

import { byId, el, formatCount, onPress, setText } from "/static/client/page.js";
import { actionInWords, mergeWords, mergedActions, parseWords } from "./moderators.js";
import { clockTime } from "./words.js";

const say = (text) => setText(byId("chat-said"), text);
/** A page of what happened before this desk opened; the ledger tells the last 20. */
const ACTIONS_ASKED = 100;

export class Tools {
  #desk;
  #lineOf;
  #actions = [];
  #asked = false;
  #words = [];

  /** `lineOf(id)` is a line of chat, if it is known here. */
  constructor(desk, lineOf) {
    this.#desk = desk;
    this.#lineOf = lineOf;
    for (const type of ["begin", "moderated"]) desk.on(type, () => this.#drawModerated());
    for (const type of ["begin", "chat.pinned"]) desk.on(type, () => this.#drawPinned());
    for (const type of ["begin", "ledger"]) desk.on(type, () => this.#hear());
    byId("doings").ontoggle = () => this.#askForActions();
    byId("words").ontoggle = () => this.#openWords();
    for (const id of ["words-said", "words-count"]) setText(byId(id), "");
    byId("words-text").value = "";
    this.#drawActions();
    this.#drawPinned();
  }

  // -- above the chat ----------------------------------------------------------------------------

  /** Let everybody see this above the chat. */
  pin(message) {
    return this.#desk.call("PUT", "/chat/pin", message);
  }

  unpin() {
    return this.#desk.call("DELETE", "/chat/pin");
  }

  #drawPinned() {
    const { pinnedMessage } = this.#desk.view;
    byId("pinned-message").hidden = !pinnedMessage;
    setText(byId("pinned-name"), pinnedMessage?.name ?? "");
    setText(byId("pinned-text"), pinnedMessage?.text ?? "");
  }

  // -- people ------------------------------------------------------------------------------------

  #drawModerated() {
    const { muted, banned } = this.#desk;
    const rows = [
      ...[...muted].map((viewer) => [viewer, "muted"]),
      ...[...banned].map((viewer) => [viewer, "banned"]),
    ];
    setText(byId("moderated-count"), formatCount(rows.length));
    byId("moderated-list").replaceChildren(
      ...rows.map(([viewer, how]) => {
        const words = how === "muted" ? "Let speak" : "Let in";
        const back = el(
          "button",
          { type: "button", className: "small", "aria-label": `${words}: ${viewer}` },
          words,
        );
        const path = `/viewers/${encodeURIComponent(viewer)}/${how === "muted" ? "mute" : "ban"}`;
        onPress(back, () => this.#desk.call("POST", path, { [how]: false }), say);
        return el(
          "li",
          { className: "title-row" },
          el("span", {}, `${viewer} `, el("span", { className: "quiet" }, how)),
          back,
        );
      }),
    );
  }

  // -- words -------------------------------------------------------------------------------------

  #openWords() {
    if (byId("words").open) this.#loadWords().catch(tellWords);
  }

  /** The room's list into the field; what was changed there and is not saved yet stays changed. */
  async #loadWords() {
    const { words } = await this.#desk.call("GET", "/chat/words");
    const field = byId("words-text");
    const merged = mergeWords(this.#words, parseWords(field.value), words);
    if (merged.join("\n") !== parseWords(field.value).join("\n")) field.value = merged.join("\n");
    this.#words = words;
    setText(byId("words-count"), formatCount(words.length));
  }

  /** What others have changed since the list was opened stays changed. */
  async saveWords() {
    await this.#loadWords();
    const undo = [["PUT", "/chat/words", { words: this.#words }]];
    const words = parseWords(byId("words-text").value);
    await this.#desk.call("PUT", "/chat/words", { words }, { undo });
    await this.#loadWords();
    setText(byId("words-said"), "");
  }

  // -- who did what ------------------------------------------------------------------------------

  #hear() {
    const told = this.#desk.ledger?.actions ?? [];
    const newest = this.#actions[0]?.seq ?? 0;
    const fresh = told.filter(({ seq }) => seq > newest);
    if (!fresh.length) return;
    // More happened than the ledger tells of: the rest is asked for.
    if (this.#asked && fresh.length === told.length) this.#asked = false;
    this.#actions = mergedActions(this.#actions, told);
    const words = fresh.findLast(({ type }) => type === "chat.words");
    if (words) this.#hearOfWords(words);
    this.#drawActions();
    this.#askForActions();
  }

  #hearOfWords({ by, words }) {
    setText(byId("words-count"), formatCount(words));
    if (byId("words").open && by !== this.#desk.api.name) this.#loadWords().catch(tellWords);
  }

  async #askForActions() {
    if (!byId("doings").open || this.#asked) return;
    this.#asked = true;
    try {
      const { actions } = await this.#desk.call("GET", `/actions?limit=${ACTIONS_ASKED}`);
      this.#actions = mergedActions(this.#actions, actions);
      this.#drawActions();
    } catch (error) {
      this.#asked = false;
      say(error.message);
    }
  }

  #drawActions() {
    byId("doings-empty").hidden = this.#actions.length > 0;
    byId("doing-list").replaceChildren(
      ...this.#actions.map((action) =>
        el(
          "li",
          {},
          el("time", { className: "quiet" }, clockTime(action.at_ms)),
          el("span", {}, el("b", {}, action.by), ` ${actionInWords(action, this.#lineOf)}`),
        ),
      ),
    );
  }
}

function tellWords(error) {
  setText(byId("words-said"), error.message);
}

/** Wire forms and slow mode once; `current()` is the desk at work, `tools()` its tools. */
export function wireTools(current, tools) {
  onPress(byId("pinned-end"), () => tools().unpin(), say);
  onPress(
    byId("pin-text"),
    async () => {
      await tools().pin({ text: byId("pin-form").elements.text.value.trim() });
      byId("pin-form").reset();
    },
    (text) => setText(byId("pin-said"), text),
  );
  onPress(byId("words-save"), () => tools().saveWords(), (text) =>
    setText(byId("words-said"), text),
  );
  wireSlowMode(current);
}

function wireSlowMode(current) {
  const select = byId("slow-mode");
  select.addEventListener("change", async () => {
    select.disabled = true;
    say("");
    try {
      await current().call("PUT", "/chat/slow-mode", { interval_ms: Number(select.value) });
    } catch (error) {
      say(error.message);
      select.disabled = false;
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
