/**
 * The picture: HLS where the browser plays it by itself, else the still. Loaded in rooms that have one.
 *
 * Owns the one video on the page. Refuses to know pieces and money.
 */

import { el } from "/static/client/dom.js";
import { backoffMs } from "/static/client/livestream.js";

const HLS = "application/vnd.apple.mpegurl";

export class Screen {
  #place;
  #label;
  #shown = "";
  #timer = 0;
  #attempt = 0;

  constructor(place, label) {
    this.#place = place;
    this.#label = label;
  }

  /** Show what the room says; nothing is touched while it stays the same. */
  show({ hls_url, poster_url }, status) {
    const wanted = JSON.stringify([hls_url, poster_url, status === "ended"]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.#attempt = 0;
    clearTimeout(this.#timer);
    const plays = hls_url && status !== "ended" && el("video").canPlayType(HLS);
    if (plays) this.#play(hls_url, poster_url);
    else this.#still(poster_url);
  }

  #still(poster_url) {
    this.#place.replaceChildren(poster_url ? el("img", { alt: "", src: poster_url }) : "");
  }

  #play(src, poster) {
    const calm =
      matchMedia("(prefers-reduced-motion: reduce)").matches || navigator.connection?.saveData;
    const video = el("video", {
      controls: true,
      muted: true,
      playsInline: true,
      autoplay: !calm,
      preload: calm ? "none" : "auto",
      "aria-label": this.#label,
      ...(poster && { poster }),
      src,
    });
    video.addEventListener("playing", () => {
      this.#attempt = 0;
    });
    // The stream may not have begun, or broke off: the still, and again a little later.
    video.addEventListener("error", () => {
      if (!video.isConnected) return;
      this.#still(poster);
      this.#timer = setTimeout(() => this.#play(src, poster), 2_000 + backoffMs(this.#attempt));
      this.#attempt += 1;
    });
    this.#place.replaceChildren(video);
  }
}
