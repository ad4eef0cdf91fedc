/** Links that export films as a file. */

import { h } from "./dom.js";

const FORMS = { csv: "CSV", jsonl: "JSON lines", letterboxd: "Letterboxd import" };

/**
 * @param {{path: (rest: string, query?: object) => string}} session
 * @param {object} filters as the API takes them
 * @param {string} name of what is exported
 * @param {string[]} [forms] those on offer
 */
export function downloads(session, filters, name, forms = Object.keys(FORMS)) {
  return h("span", { class: "downloads" }, forms.map((format) => h("a", {
    class: "button", href: session.path("/export", { ...filters, format }), download: "", "aria-label": `${FORMS[format]}: ${name}`,
  }, FORMS[format])));
}
