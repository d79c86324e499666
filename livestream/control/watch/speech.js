/**
 * The language in use: `?lang=`, else the first of the reader's own that there is, else English.
 *
 * Loads the words of that one and no other, and puts them where the page's own markup says
 * `data-t="key"` (text), `data-t-label` and `data-t-placeholder`.
 */

import { onPress, setText } from "/static/client/dom.js";
import { choose, Language } from "./language.js";

const asked = new URLSearchParams(location.search).get("lang");
const tag = choose([asked, ...navigator.languages]);
const { default: words } = await import(`./words.${tag}.js`);

export const language = new Language(tag, words);
export const t = (key, values) => language.say(key, values);

/** One sentence for a `Refused`, by its code; the server's own words are for developers. */
function inWords({ code, message, retryAfterMs }) {
  if (code === "rate_limited" && retryAfterMs > 1_000)
    return t("no.rate_limited_for", { n: Math.ceil(retryAfterMs / 1000) });
  if (code === "not_open" && retryAfterMs)
    return t("no.not_open_for", { span: language.span(retryAfterMs) });
  return language.has(`no.${code}`) ? t(`no.${code}`) : message;
}

/** `onPress`, with whatever goes wrong in words, in `said`. */
export function press(button, action, said) {
  const say = (text) => setText(said, text);
  onPress(button, () => action().catch((error) => say(problem(error))), say);
}

/** What went wrong: a refusal by its code; what nobody foresaw is most often the connection. */
export function problem(error) {
  if (!error.code) console.error(error);
  return error.code ? inWords(error) : t("no.offline");
}

/** The words that few need. */
export const learnMore = async () => language.learn((await import(`./more.${tag}.js`)).default);

/** Put the words where the markup wants them. Only then is anything shown: none change under the eyes. */
export function dress(root = document) {
  for (const node of root.querySelectorAll("[data-t], [data-t-label], [data-t-placeholder]")) {
    const { t: text, tLabel, tPlaceholder } = node.dataset;
    if (text) node.textContent = t(text);
    if (tLabel) node.ariaLabel = t(tLabel);
    if (tPlaceholder) node.placeholder = t(tPlaceholder);
  }
  for (const link of root.querySelectorAll("[hreflang]")) {
    const address = new URL(location.href);
    address.searchParams.set("lang", link.hreflang);
    address.hash = ""; // a ticket stays out of addresses
    link.href = address.href;
    if (link.hreflang === tag) link.setAttribute("aria-current", "true");
  }
  document.documentElement.lang = tag === "zh" ? "zh-Hans" : tag;
  document.documentElement.dataset.ready = "";
}
