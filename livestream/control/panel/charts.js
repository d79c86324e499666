/**
 * Small charts: a line with the ground below it, and a bar for a share.
 *
 * Owns how they are drawn, and the words beside them for those who do not see them. What they show
 * is `series.js`'s.
 */

import { el } from "/static/client/dom.js";
import { corners, inWords } from "./series.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120;
const HEIGHT = 24;
/** Half a line's width, so that its top is not cut. */
const MARGIN = 1;

const svg = (tag, attributes) => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

/** A line that is drawn anew with `draw(points)`; `format` says a value in words. */
export class Sparkline {
  constructor(label, format) {
    this.label = label;
    this.format = format;
    this.ground = svg("path", { class: "ground" });
    this.line = svg("path", { class: "line" });
    this.node = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    });
    this.node.append(this.ground, this.line);
  }

  draw(points) {
    const line = corners(points, WIDTH, HEIGHT - 2 * MARGIN)
      .map(([x, y]) => `${x},${y + MARGIN}`)
      .join("L");
    this.line.setAttribute("d", line && `M${line}`);
    this.ground.setAttribute("d", line && `M0,${HEIGHT}L${line}L${WIDTH},${HEIGHT}Z`);
    this.node.setAttribute("aria-label", `${this.label}. ${inWords(points, this.format)}`);
  }
}

/** A bar for a share of 0 to 1; the number stands beside it, so it says nothing to a reader. */
export function shareBar(share, className = "") {
  const part = el("span");
  part.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("span", { className: `share ${className}`.trim(), "aria-hidden": "true" }, part);
}
