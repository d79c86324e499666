/**
 * What the desk's pages share: elements and buttons (from dom.js), money and counts (from money.js).
 *
 * Refuses to know the protocol. The viewer's page has languages of its own and takes dom.js alone.
 */

export { byId, el, formatSpan, onPress, place, setText, stockBar } from "./dom.js";
export { CURRENCIES, formatCount, formatMoney, parseMoney, plural } from "./money.js";
