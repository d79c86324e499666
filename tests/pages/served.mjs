// Finds the pages' modules as the control server serves them: /static/panel/run.js and the like.
const ROOT = new URL("../../livestream/control/", import.meta.url);

export function resolve(specifier, context, next) {
  if (!specifier.startsWith("/static/")) return next(specifier, context);
  return next(new URL(specifier.slice("/static/".length), ROOT).href, context);
}

export function load(url, context, next) {
  return next(url, url.endsWith(".js") ? { ...context, format: "module" } : context);
}
