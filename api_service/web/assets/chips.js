/** The active filters, each with a button that removes it. */

import { h } from "./dom.js";
import { changed, inWords } from "./filters.js";
import { go } from "./navigation.js";

/** @param {[string, string][]} filters */
export function chips(filters) {
  const all = Object.fromEntries(filters.map(([name]) => [name, null]));
  return h("ul", { class: "chips", "aria-label": "Filters" },
    filters.map((filter) => h("li", {}, h("button", {
      type: "button", onclick: () => go(changed({ [filter[0]]: null })),
      "aria-label": `Remove the filter: ${inWords(filter)}`,
    }, inWords(filter), h("span", { "aria-hidden": "true" }, " ×")))),
    filters.length > 1 && h("li", {}, h("button", { type: "button", class: "plain", onclick: () => go(changed(all)) }, "Remove all")));
}
