/**
 * Signing in at the desk: at first, and again over whatever is on screen once a session has run out,
 * so that nothing typed is lost.
 *
 * Owns the two forms, the line that says that a session ends soon, and that signing out counts for
 * every tab. Refuses to know what is on screen besides. No token stays anywhere: it goes to the
 * server once, for a session that is kept in a cookie, which no script can read.
 */

import { byId, formatSpan, onPress, setText } from "/static/client/page.js";

/** A show lasts two hours: this long before the end of a session one is told. */
const SOON_MS = 15 * 60_000;
const SIGNED_OUT = "signed-out";

const tabs = new BroadcastChannel("livestream-desk");
/** Whether the session is over, and somebody may have put the question away. */
let over = false;

/** Token, room and whether to look back, of the fragment. The token is taken out of the address at once. */
export function fromFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const found = {
    token: fragment.get("token"),
    room: fragment.get("room"),
    replay: fragment.has("replay"),
  };
  keepInAddress(found.room, found.replay);
  return found;
}

export function keepInAddress(room, replay = false) {
  const fragment = room ? `#${new URLSearchParams({ room })}${replay ? "&replay" : ""}` : "";
  history.replaceState(null, "", fragment || location.pathname);
}

/**
 * Wire both forms once. `api()` is who has signed in, `signedIn(api)` goes on from the first form,
 * `again(api)` from the one over the desk, `left(words)` is told that this browser has signed out.
 */
export function wireSignIn({ newApi, signedIn, again, left }) {
  onPress(
    byId("sign-in-button"),
    async () => {
      const api = newApi();
      await api.signIn(byId("token").value.trim());
      byId("sign-in-form").reset();
      await signedIn(api);
    },
    (text) => setText(byId("sign-in-said"), text),
  );
  onPress(
    byId("again-button"),
    async () => {
      const api = newApi();
      await api.signIn(byId("again-token").value.trim());
      byId("again-form").reset();
      byId("again").close();
      over = false;
      byId("session-ends").hidden = true;
      again(api);
    },
    (text) => setText(byId("again-said"), text),
  );
  byId("again-leave").addEventListener("click", () => {
    byId("again").close();
    if (over) left("");
  });
  byId("session-ends").addEventListener("click", ask);
  tabs.addEventListener("message", ({ data }) => {
    if (data === SIGNED_OUT) left("You have signed out in another tab.");
  });
}

/** Sign out of the session, in every tab of this browser. Throws a Problem when nobody knows. */
export async function signOut(api) {
  try {
    await api.call("DELETE", "/session");
  } catch (error) {
    if (error.status !== 401) throw error; // it has ended already
  }
  tabs.postMessage(SIGNED_OUT);
}

/** The session is over: ask for a token over what is on screen, which stays as it is. */
export function askAgain() {
  over = true;
  ask();
}

function ask() {
  const dialog = byId("again");
  if (dialog.open) return;
  setText(byId("again-title"), over ? "Your session has run out" : "Your session ends soon");
  setText(byId("again-leave"), over ? "Leave the desk" : "Not now");
  setText(byId("again-said"), "");
  dialog.showModal();
}

/** Nobody has signed in, and nobody is asked to go on. */
export function stopAsking() {
  over = false;
  byId("again").close();
}

/** Say how long the session lasts, once that is not long. */
export function showSessionEnd(api, nowMs) {
  const leftMs = api.expiresAtMs - nowMs;
  const line = byId("session-ends");
  line.hidden = leftMs > SOON_MS && !over;
  if (line.hidden) return;
  setText(line, leftMs > 0 && !over ? `Session ends in ${formatSpan(leftMs)}` : "Sign in again");
}
