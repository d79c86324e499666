/**
 * Elements, buttons that fire once, and a clock's face.
 *
 * Everything from outside becomes a text node here and nothing ever becomes markup. Refuses to know
 * the protocol, and any language.
 */

/** Two clicks this close together, at one place, were meant as one. */
const DOUBLE_CLICK_MS = 400;
const SAME_PLACE_PX = 5;

export const byId = (id) => document.getElementById(id);

/** An element with properties, and children that are elements or text. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in node && name !== "list" && name !== "form") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A copy of what a template of the page holds: its element as `node`, and each `data-part`. */
export function copyOf(id) {
  const node = byId(id).content.firstElementChild.cloneNode(true);
  const parts = [...node.querySelectorAll("[data-part]")];
  return { node, ...Object.fromEntries(parts.map((part) => [part.dataset.part, part])) };
}

/** Set text only where it changed, so that nothing is announced or repainted twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Put the nodes in their order, touching nothing that stands right: focus stays where it is. */
export function place(parent, nodes) {
  const { children } = parent;
  for (const child of [...children]) if (!nodes.includes(child)) child.remove();
  for (const [at, node] of nodes.entries())
    if (children[at] !== node) parent.insertBefore(node, children[at]);
}

/**
 * Whether the click at hand is the second half of a double click. Told by place and not by target:
 * the first half may have put another button under the pointer ("Open" makes room for "Pause").
 */
let doubled = false;
let lastClick = { clientX: 0, clientY: 0, timeStamp: -Infinity };
document.addEventListener(
  "click",
  (click) => {
    const { clientX, clientY, timeStamp } = lastClick;
    const near = Math.hypot(click.clientX - clientX, click.clientY - clientY) < SAME_PLACE_PX;
    doubled = click.detail > 0 && near && click.timeStamp - timeStamp < DOUBLE_CLICK_MS;
    lastClick = click;
  },
  { capture: true },
);

/**
 * Run `action` when the button is pressed (or its form submitted), once at a time: pressed again
 * while it runs, by a double click or by a key held down, nothing happens. What goes wrong is told
 * through `say(text)`.
 */
export function onPress(button, action, say) {
  const target = button.form && button.type === "submit" ? button.form : button;
  let busy = false;
  target.addEventListener("keydown", (key) => {
    if (key.repeat && key.key === "Enter" && key.target.tagName !== "TEXTAREA")
      key.preventDefault();
  });
  target.addEventListener(target === button ? "click" : "submit", async (event) => {
    event.preventDefault();
    if (busy || doubled || button.disabled) return;
    busy = true;
    button.setAttribute("aria-busy", "true");
    say?.("");
    try {
      await action(event);
    } catch (error) {
      if (!say) throw error;
      say(error.message || String(error));
    } finally {
      button.removeAttribute("aria-busy");
      busy = false;
    }
  });
}

/** The bar of a drop's stock, as one element and its `update(levels)`. */
export function stockBar() {
  const parts = ["sold", "held", "available", "withdrawn"].map((name) => [
    name,
    el("span", { className: name }),
  ]);
  const node = el(
    "div",
    { className: "stock-bar", "aria-hidden": "true" },
    ...parts.map(([, part]) => part),
  );
  return {
    node,
    update(levels) {
      for (const [name, part] of parts) part.style.flexGrow = levels[name] ?? 0;
    },
  };
}

/**
 * A span as a clock shows it: `4:07`, `1:04:07`; zero is reached at the very end, not before.
 * `days(n, clock)` says how days stand before the clock.
 */
export function formatSpan(ms, days = (n, clock) => `${n} d ${clock}`) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const pad = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = pad(seconds % 60);
  if (seconds < 3_600) return `${minutes}:${rest}`;
  const clock = `${hours}:${pad(minutes)}:${rest}`;
  return seconds < 86_400 ? clock : days(Math.floor(seconds / 86_400), clock);
}
