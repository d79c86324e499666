/**
 * Where the room's picture comes from: a sheet with the address of its stream and of its still.
 *
 * Owns this sheet. Refuses to know whether anything plays: that is for the viewers' page.
 */

import { byId, el, onPress, setText } from "/static/client/page.js";
import { text } from "./fields.js";
import { sheet } from "./sheet.js";

/** Wire it once; `current()` is the desk at work. */
export function wirePicture(current) {
  const said = el("p", { className: "bad", role: "alert" });
  const address = (name, label, placeholder) =>
    text(name, label, { hint: "empty: none", placeholder, inputMode: "url", maxLength: 500 });
  const put = el("button", { id: "picture-put", type: "submit", className: "main" }, "Show it");
  const form = el(
    "form",
    { id: "picture-form", className: "stack", autocomplete: "off", "data-needs": "host" },
    address("hls_url", "Stream by HLS", "https://video.example/live.m3u8"),
    address("poster_url", "Still, where it cannot be played", "https://video.example/still.jpg"),
    el("div", { className: "actions foot" }, put, said),
  );
  const over = sheet("picture-sheet", "Picture", form, () => {
    const { stream } = current().view;
    for (const name of ["hls_url", "poster_url"]) form.elements[name].value = stream[name] ?? "";
  });
  onPress(
    put,
    async () => {
      const typed = (name) => form.elements[name].value.trim() || null;
      const stream = { hls_url: typed("hls_url"), poster_url: typed("poster_url") };
      await current().call("PUT", "/stream", stream);
      over.hide();
    },
    (words) => setText(said, words),
  );
  byId("picture-open").addEventListener("click", () => over.show());
}
