/** Dangerous things are asked about once, in a dialogue whose default is to leave things as they are. */

import { byId, onPress, setText } from "/static/client/page.js";

let wired = false;

/** The second click of a double click must not answer the question that the first one opened. */
function wire() {
  if (!wired) onPress(byId("ask-yes"), () => byId("ask").close("yes"), () => {});
  wired = true;
}

/** Whether the person meant it. */
export function askOnce(question, yes) {
  wire();
  const dialog = byId("ask");
  setText(byId("ask-text"), question);
  setText(byId("ask-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
