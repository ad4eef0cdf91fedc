/** Links that take films away as a file. */

import { sessionPath } from "./api.js";
import { h } from "./dom.js";

const FORMS = [["csv", "CSV"], ["jsonl", "JSON lines"], ["letterboxd", "Letterboxd import"]];

/** @param {object} filters as the API takes them */
export function downloads(id, filters, name = "these films") {
  return h("span", { class: "downloads" }, FORMS.map(([format, text]) => h("a", {
    class: "button", href: sessionPath(id, "/export", { ...filters, format }), download: "", "aria-label": `${text}: ${name}`,
  }, text)));
}
