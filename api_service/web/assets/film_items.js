/** One film in the wall and in the table. */

import { h, spoken } from "./dom.js";
import { country, reason, runtime, stars } from "./format.js";
import { poster } from "./posters.js";

/** Name, key of sorting (null: none), and what a cell shows. */
const columns = (words) => [
  ["Title", "title"], ["Year", "year"], [words.rating, "rating"], ["TMDB", "tmdb_rating"],
  ["Runtime", "runtime"], ["Directors", null], ["Genres", null], ["Watched", "watched"],
];

export const nameOf = (movie) => movie.tmdb_title ?? movie.title ?? "Untitled";

export const yearOf = (movie) => movie.release_date?.slice(0, 4) ?? movie.year;

export function card(movie, href, open) {
  return h("a", { href, onclick: open, class: `card ${movie.outcome}` },
    poster({ ...movie, title: nameOf(movie) }, "(max-width: 40rem) 30vw, 160px"),
    h("span", { class: "caption" }, nameOf(movie)),
    h("small", {}, h("span", {}, [yearOf(movie), note(movie)].filter(Boolean).join(" · ")), movie.rating !== null && rating(movie.rating)));
}

export function row(movie, href, open) {
  const cell = (kind, ...inside) => h("span", { role: "cell", class: kind }, inside);
  return [
    cell("title", h("a", { href, onclick: open }, poster({ ...movie, title: "" }, "36px"),
      h("span", {}, nameOf(movie), movie.outcome !== "found" && h("small", {}, ` ${note(movie)}`)))),
    cell("figure", yearOf(movie)),
    cell("", movie.rating !== null && rating(movie.rating)),
    cell("figure", movie.vote_average?.toFixed(1)),
    cell("figure", movie.runtime_minutes && runtime(movie.runtime_minutes)),
    cell("", movie.directors.join(", ")),
    cell("", movie.genres.join(", ")),
    cell("figure", movie.watch_dates.at(-1) ?? (movie.watched ? "yes" : "")),
  ];
}

/** The heads of the table; a press on one sorts by it, another press turns the order round. */
export function columnHeads(words, sort, reverse, order) {
  return h("div", { role: "rowgroup" }, h("div", { class: "film-row heads", role: "row", "aria-rowindex": 1 }, columns(words).map(([name, key]) => h("span", {
    role: "columnheader", "aria-sort": key && key === sort ? (reverse ? "descending" : "ascending") : null,
  }, key ? h("button", {
    type: "button", class: "plain", "data-name": key, onclick: () => order(key, key === sort && !reverse ? "true" : null),
  }, name, key === sort && h("span", { "aria-hidden": "true" }, reverse ? " ↑" : " ↓")) : name))));
}

export function rating(value) {
  return h("span", { class: "stars" }, h("span", { "aria-hidden": "true" }, stars(value)), spoken(`${value} of 5`));
}

/** What is to be said of a film that was not found. */
export function note(movie) {
  if (movie.outcome === "found") return "";
  return { pending: "pending", not_found: "not found", failed: "failed" }[movie.outcome];
}

/** Why it stands as it does. */
export const why = (movie) => reason(movie.reason);

export const countries = (movie) => movie.countries.map(country).join(", ");
