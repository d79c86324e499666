/**
 * The room as the outside sees it: a snapshot, moved on by announcements.
 *
 * Owns the fold of public frames, for the viewer's page and the desk alike (the same rules as
 * livestream/storefront.py). Refuses to know sockets and what anything looks like.
 */

export class Storefront {
  title = "";
  status = "created";
  cards = new Map();
  drops = new Map();
  pinned = null;
  slowModeMs = 0;
  pinnedMessage = null;
  rules = { perks: [] };
  stream = { hls_url: null, poster_url: null };

  /** Begin anew with the snapshot of a `welcome` or a `desk` frame. */
  reset({ title, status, cards, pinned, drops, slow_mode_ms, pinned_message, rules, stream }) {
    this.title = title;
    this.status = status;
    this.cards = new Map(cards.map((card) => [card.card_id, card]));
    this.drops = new Map(drops.map((drop) => [drop.drop_id, drop]));
    this.pinned = pinned;
    this.slowModeMs = slow_mode_ms;
    this.pinnedMessage = pinned_message ?? null;
    this.rules = rules;
    this.stream = stream;
  }

  /** The drop that sells this SKU now: of several, the one declared last. */
  dropOf(sku) {
    let found = null;
    for (const drop of this.drops.values()) if (drop.sku === sku) found = drop;
    return found;
  }

  /** Fold one frame; whether it was one that changes the view. */
  apply(frame) {
    const fold = FOLDS[frame.type];
    if (!fold) return false;
    fold(this, frame);
    return true;
  }
}

/**
 * When the clock opens the drop: a lottery by its draw, others for those of the earliest tier first;
 * null: when the host says so.
 */
export function firstOpensAtMs({ opens_at_ms, access, lottery }) {
  if (lottery) return lottery.entries_until_ms;
  const times = [opens_at_ms, ...Object.values(access?.tiers ?? {})].filter(Boolean);
  return times.length ? Math.min(...times) : null;
}

const setStatus = (status) => (view) => {
  view.status = status;
};

const putCard = (view, { card }) => view.cards.set(card.card_id, card);

const moveDrop =
  (status) =>
  (view, { drop_id }) => {
    const drop = view.drops.get(drop_id);
    if (drop) drop.status = shownStatus(status, drop);
  };

/** Whether everything is held is told by the levels. */
function shownStatus(status, { available, held }) {
  if (status !== "open" && status !== "all_held") return status;
  return held && !available ? "all_held" : "open";
}

const FOLDS = {
  "room.created": (view, { title }) => {
    view.title = title;
  },
  "room.started": setStatus("live"),
  "room.ended": setStatus("ended"),
  "card.pushed": putCard,
  "card.updated": putCard,
  "card.pinned": (view, { card_id }) => {
    view.pinned = card_id;
  },
  "card.withdrawn": (view, { card_id }) => {
    view.cards.delete(card_id);
    if (view.pinned === card_id) view.pinned = null;
  },
  "drop.scheduled": (view, { drop }) => view.drops.set(drop.drop_id, drop),
  "drop.opened": (view, frame) => {
    const drop = view.drops.get(frame.drop_id);
    if (frame.rest && drop) {
      delete drop.presale; // what is left is sold as by any other drop
      delete drop.lottery;
    }
    moveDrop("open")(view, frame);
  },
  "drop.paused": moveDrop("paused"),
  "drop.sold_out": moveDrop("sold_out"),
  "drop.closed": moveDrop("closed"),
  "lottery.drawn": (view, { drop_id, seed }) => {
    const drop = view.drops.get(drop_id);
    if (drop?.lottery) drop.lottery.seed = seed;
  },
  "drop.restocked": (view, { drop_id, quantity }) => {
    const drop = view.drops.get(drop_id);
    if (drop) drop.supply += quantity;
  },
  "stock.changed": (view, { drop_id, available, held, sold, waiting, next, shelves }) => {
    const drop = view.drops.get(drop_id);
    if (!drop) return;
    Object.assign(drop, { available, held, sold, waiting, next, shelves });
    drop.status = shownStatus(drop.status, drop);
  },
  "chat.pinned": (view, { message }) => {
    view.pinnedMessage = message;
  },
  "room.rules": (view, { rules }) => {
    view.rules = rules;
  },
  "room.stream": (view, { stream }) => {
    view.stream = stream;
  },
  "chat.slow_mode": (view, { interval_ms }) => {
    view.slowModeMs = interval_ms;
  },
};

/** Every frame type that `apply` knows. */
export const STOREFRONT_FRAMES = Object.keys(FOLDS);
