/**
 * Every command of the desk in words, and how it is undone where the world allows it. Pure.
 *
 * Owns names and opposites, by the API's own methods and paths. Refuses to know buttons, and whether
 * a command was done.
 */

/** Cards, drafts and drops as `before` shows them: the room at the moment of the press. */
const titleOf = (things, id) => things?.get(id)?.title ?? id;

/** [method, path of the room with its parameters, (names, body, before) → {words, undo?}] */
const DEEDS = [
  ["POST", "/start", () => ({ words: "Start the show" })],
  ["POST", "/end", () => ({ words: "End the show" })],
  ["PUT", "/rules", () => ({ words: "Set the room’s rules" })],
  ["PUT", "/slots/:slot", ({ slot }) => ({ words: `Put the slot ${slot}` })],
  ["PUT", "/coupons/:code", ({ code }) => ({ words: `Put the coupon ${code}` })],
  ["PUT", "/cards/:card", putCard],
  ["DELETE", "/cards/:card", withdrawCard],
  ["PUT", "/pin", pinCard],
  ["POST", "/drops", (_, { title }) => ({ words: `Schedule ${title}` })],
  ["POST", "/drops/:drop/open", ({ drop }, __, { drops }) => ({ words: `Open ${titleOf(drops, drop)}` })],
  ["POST", "/drops/:drop/pause", ({ drop }, __, { drops }) => opposite("Pause", "resume", drop, drops)],
  ["POST", "/drops/:drop/resume", ({ drop }, __, { drops }) => opposite("Resume", "pause", drop, drops)],
  ["POST", "/drops/:drop/close", ({ drop }, __, { drops }) => ({ words: `Close ${titleOf(drops, drop)}` })],
  [
    "POST",
    "/drops/:drop/open-rest",
    ({ drop }, __, { drops }) => ({ words: `Sell the rest of ${titleOf(drops, drop)}` }),
  ],
  [
    "POST",
    "/drops/:drop/restock",
    ({ drop }, { quantity, channel }, { drops }) => ({
      words: `Add ${quantity} to ${titleOf(drops, drop)}${channel ? ` for ${channel}` : ""}`,
    }),
  ],
  ["PUT", "/drafts/:drop", putDraft],
  ["DELETE", "/drafts/:drop", discardDraft],
  [
    "POST",
    "/drafts/:drop/schedule",
    ({ drop }, __, { drafts }) => ({ words: `Schedule ${titleOf(drafts, drop)}` }),
  ],
  ["POST", "/announcements", (_, { text }) => ({ words: `Announce “${short(text)}”` })],
  ["POST", "/viewers/:viewer/mute", moderating("muted", "mute", "Mute", "Let speak")],
  ["POST", "/viewers/:viewer/ban", moderating("banned", "ban", "Ban", "Let in")],
  ["PUT", "/chat/slow-mode", slowMode],
  ["PUT", "/chat/pin", pinMessage],
  [
    "DELETE",
    "/chat/pin",
    (_, __, { pinnedMessage }) => ({ words: "Unpin the message", undo: pinned(pinnedMessage) }),
  ],
  ["PUT", "/chat/words", (_, { words }) => ({ words: `Set the blocked words (${words.length})` })],
  ["DELETE", "/chat/:message", deleteLine],
  [
    "POST",
    "/chat/:message/restore",
    ({ message }) => ({ words: "Show a line again", undo: [["DELETE", linePath(message), undefined]] }),
  ],
  ["PUT", "/stream", () => ({ words: "Set where the picture comes from" })],
  [
    "POST",
    "/invitations",
    (_, { viewers }) => ({ words: `Invite ${viewers.length === 1 ? viewers[0] : `${viewers.length} viewers`}` }),
  ],
  [
    "POST",
    "/invitations/withdraw",
    (_, { viewers }) => ({
      words: `Take ${viewers.length === 1 ? viewers[0] : `${viewers.length} viewers`} off the list`,
    }),
  ],
  ["POST", "/orders/:order/refund", ({ order }) => ({ words: `Refund order ${order}` })],
];

/**
 * What a call about the room is, in words; and under `undo` the calls that take it back, each as
 * `[method, path, body]`. `before` is the room as it was: {cards, drops, drafts, pinned, slowModeMs,
 * pinnedMessage}.
 */
export function deedOf(method, path, body = {}, before = {}) {
  for (const [verb, pattern, describe] of DEEDS) {
    const names = verb === method ? match(pattern, path) : null;
    if (names) return { undo: null, ...describe(names, body, before) };
  }
  return { words: `${method} ${path}`, undo: null };
}

function match(pattern, path) {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const names = {};
  for (const [at, step] of wanted.entries()) {
    if (step.startsWith(":")) names[step.slice(1)] = decodeURIComponent(given[at]);
    else if (step !== given[at]) return null;
  }
  return names;
}

function short(text) {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function opposite(verb, back, drop, drops) {
  return {
    words: `${verb} ${titleOf(drops, drop)}`,
    undo: [["POST", `/drops/${encodeURIComponent(drop)}/${back}`, undefined]],
  };
}

const cardPath = (card) => `/cards/${encodeURIComponent(card)}`;

/** A card's content without the name that its path gives. */
function contentOf({ card_id: _, ...content }) {
  return content;
}

function putCard({ card }, { title }, { cards }) {
  const known = cards?.get(card);
  return known
    ? { words: `Change the card ${title}`, undo: [["PUT", cardPath(card), contentOf(known)]] }
    : { words: `Put the card ${title}`, undo: [["DELETE", cardPath(card), undefined]] };
}

function withdrawCard({ card }, _, { cards, pinned }) {
  const known = cards?.get(card);
  if (!known) return { words: `Withdraw the card ${card}` };
  const undo = [["PUT", cardPath(card), contentOf(known)]];
  if (pinned === card) undo.push(["PUT", "/pin", { card_id: card }]);
  return { words: `Withdraw the card ${known.title}`, undo };
}

function pinCard(_, { card_id }, { cards, pinned = null }) {
  return {
    words: card_id === null ? "Unpin" : `Pin ${titleOf(cards, card_id)}`,
    undo: pinned === card_id ? null : [["PUT", "/pin", { card_id: pinned }]],
  };
}

const draftPath = (drop) => `/drafts/${encodeURIComponent(drop)}`;

function putDraft({ drop }, { title }, { drafts }) {
  const known = drafts?.get(drop);
  return {
    words: `${known ? "Change" : "Keep"} the draft ${title}`,
    undo: [known ? ["PUT", draftPath(drop), known] : ["DELETE", draftPath(drop), undefined]],
  };
}

function discardDraft({ drop }, _, { drafts }) {
  const known = drafts?.get(drop);
  return {
    words: `Discard the draft ${known?.title ?? drop}`,
    undo: known ? [["PUT", draftPath(drop), known]] : null,
  };
}

function moderating(field, verb, on, off) {
  return ({ viewer }, body) => {
    const taken = body[field] ?? true;
    return {
      words: `${taken ? on : off} ${viewer}`,
      undo: [["POST", `/viewers/${encodeURIComponent(viewer)}/${verb}`, { [field]: !taken }]],
    };
  };
}

const linePath = (message) => `/chat/${encodeURIComponent(message)}`;

/** The calls after which this message, or none, stands above the chat. */
function pinned(message) {
  return [message ? ["PUT", "/chat/pin", message] : ["DELETE", "/chat/pin", undefined]];
}

function pinMessage(_, { text }, { pinnedMessage }) {
  return { words: `Pin “${short(text)}”`, undo: pinned(pinnedMessage) };
}

function deleteLine({ message }, _, { pinnedMessage }) {
  const undo = [["POST", `${linePath(message)}/restore`, undefined]];
  if (pinnedMessage?.message_id === message) undo.push(...pinned(pinnedMessage));
  return { words: "Delete a line of chat", undo };
}

function slowMode(_, { interval_ms }, { slowModeMs }) {
  return {
    words: interval_ms ? `Slow mode, ${interval_ms / 1_000} s` : "Slow mode off",
    undo:
      slowModeMs === undefined || slowModeMs === interval_ms
        ? null
        : [["PUT", "/chat/slow-mode", { interval_ms: slowModeMs }]],
  };
}
