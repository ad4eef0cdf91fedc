/** Bars that are lists of links: the numbers are text, and each bar leads to its films. */

import { h, spoken } from "./dom.js";
import { count, number } from "./format.js";

/**
 * Bars from left to right, one below the other.
 *
 * @param {{name: string, value: number, href: string, note?: string, picture?: Node}[]} items
 * @param {string} name of them all
 * @param {Set<string>} kept the names of those that are shown whole, for when they are made anew
 * @param {{most?: number}} [options] how many are seen before "Show all"
 */
export function bars(items, name, kept, { most = 10 } = {}) {
  const largest = Math.max(1, ...items.map((item) => item.value));
  const rows = items.map((item) => h("li", {}, h("a", { href: item.href },
    item.picture,
    h("span", { class: "name" }, item.name),
    h("span", { class: "value" }, number(item.value), spoken(item.value === 1 ? " film" : " films"), item.note && h("small", {}, ` ${item.note}`)),
    h("span", { class: "track", "aria-hidden": "true", style: { "--share": item.value / largest } }))));
  const list = h("ol", { class: items.some((item) => item.picture) ? "bars people" : "bars" }, rows.slice(0, kept.has(name) ? rows.length : most));
  if (rows.length === list.children.length) return list;
  const more = h("button", {
    type: "button", class: "plain",
    onclick: () => { kept.add(name); list.append(...rows.slice(most)); more.remove(); rows[most].firstChild.focus(); },
  }, `Show all ${number(rows.length)}`);
  return h("div", {}, list, more);
}

/**
 * Bars standing side by side, such as decades.
 *
 * @param {{name: string, spoken?: string, value: number, href: string, note?: string}[]} items
 * @param {{room?: number}} [options] how many characters fit under all of them
 */
export function columns(items, { room = 28 } = {}) {
  const largest = Math.max(1, ...items.map((item) => item.value));
  // Where labels would run into each other only some columns have one.
  const longest = Math.max(1, ...items.map((item) => item.name.length));
  const step = Math.ceil((items.length * longest) / room);
  // One without films leads nowhere, and is no step for the keyboard.
  return h("ol", { class: "columns" }, items.map((item, index) => h("li", {}, h(item.value ? "a" : "span", {
    class: "bar-place", href: item.value ? item.href : null, title: `${item.spoken ?? item.name}: ${count(item.value, "film")}${item.note ? `, ${item.note}` : ""}`,
  },
  h("span", { class: "value" }, items.length <= 14 ? number(item.value) : "", spoken(`${item.spoken ?? item.name}: ${count(item.value, "film")}`)),
  h("span", { class: "column", "aria-hidden": "true", style: { "--share": item.value / largest } }),
  h("span", { class: "name", "aria-hidden": "true" }, index % step === 0 ? item.name : "")))));
}
