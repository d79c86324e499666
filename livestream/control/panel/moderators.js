/**
 * What moderators did, in words, and the list of words that several may edit at once. Pure.
 *
 * Owns the wording and the merging. Refuses to know the page and the API.
 */

/** As many of the last actions as one looks back for. */
export const ACTIONS_KEPT = 200;

/**
 * What somebody did, without the name: "muted wang". `lineOf(id)` is the line of chat, if this desk
 * has heard it: `{name, text}`.
 */
export function actionInWords(action, lineOf = () => undefined) {
  const { type, viewer, message_id, undone, interval_ms, words } = action;
  switch (type) {
    case "viewer.muted":
      return `${undone ? "let speak" : "muted"} ${viewer}`;
    case "viewer.banned":
      return `${undone ? "let in" : "banned"} ${viewer}`;
    case "chat.slow_mode":
      return interval_ms ? `set slow mode, ${interval_ms / 1_000} s` : "ended slow mode";
    case "chat.deleted":
      return `deleted ${lineInWords(lineOf(message_id))}`;
    case "chat.restored":
      return `brought back ${lineInWords(lineOf(message_id))}`;
    case "chat.pinned":
      return undone ? "unpinned the message" : `pinned ${lineInWords(action)}`;
    case "chat.words":
      return words ? `set the blocked words, ${words} of them` : "blocks no words any more";
    default:
      return type;
  }
}

function lineInWords(line) {
  if (!line) return "a line";
  return line.name ? `${line.name}: “${line.text}”` : `“${line.text}”`;
}

/** Two lists of actions as one, the newest first, each once. */
export function mergedActions(known, told) {
  const bySeq = new Map([...known, ...told].map((action) => [action.seq, action]));
  return [...bySeq.values()].sort((one, other) => other.seq - one.seq).slice(0, ACTIONS_KEPT);
}

/** A list as it is typed: one to a line, each once, without white space around it. */
export function parseWords(text) {
  return [...new Set(text.split("\n").map((word) => word.trim()))].filter(Boolean);
}

/** `mine`, which I made of `base`, where others have made `theirs` of it meanwhile. */
export function mergeWords(base, mine, theirs) {
  const gone = new Set(base.filter((word) => !mine.includes(word)));
  const merged = new Set(theirs.filter((word) => !gone.has(word)));
  for (const word of mine) if (!base.includes(word)) merged.add(word);
  return [...merged];
}
