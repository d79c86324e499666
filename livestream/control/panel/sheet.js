/**
 * A sheet: a form or a list that lies over one side of the desk, while the rest can be used.
 *
 * Owns opening and closing, one sheet at a time. What is typed in it stays when it is closed.
 */

import { el } from "/static/client/page.js";

let open = null;

/** Close whichever is open. */
export const closeSheet = () => open?.hide();

/** A sheet with this content; `show()` and `hide()` are its own, `onOpen` is called each time. */
export function sheet(id, title, content, onOpen = () => {}) {
  const away = el("button", { type: "button", className: "small" }, "Close");
  const heading = el("h2", { id: `${id}-title` }, title);
  const node = el(
    "dialog",
    { id, className: "sheet", "aria-labelledby": heading.id },
    el("div", { className: "title-row" }, heading, away),
    content,
  );
  let opener = null;
  const self = {
    node,
    heading,
    get isOpen() {
      return node.open;
    },
    show() {
      if (open && open !== self) open.hide();
      opener = document.activeElement;
      if (!node.open) node.show();
      open = self;
      onOpen();
    },
    hide() {
      if (!node.open) return;
      node.close();
      open = null;
      opener?.focus();
    },
  };
  away.addEventListener("click", () => self.hide());
  node.addEventListener("keydown", (key) => {
    if (key.key === "Escape") self.hide();
  });
  document.body.append(node);
  return self;
}
