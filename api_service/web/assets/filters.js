/** Filters: what the page's address says of them, how the API takes them, how people read them. */

import { country, language, runtime, stars } from "./format.js";

const yes = (name, no) => (value) => (value === "true" ? name : no);

/** How each filter is read aloud; also the list of those there are. */
const WORDS = {
  outcome: (value) => ({
    found: "found", not_found: "not found", failed: "failed", pending: "pending",
    unmatched: "not found or failed", doubtful: "doubtful matches",
  })[value] ?? value,
  q: (value) => `“${value}”`,
  genre: (value) => value,
  decade: (value) => `${value}s`,
  year: (value) => value,
  rating: (value) => `rated ${value > 0 && value <= 5 ? stars(Number(value)) : value}`,
  tmdb_rating: (value) => `${value} to ${Number(value) + 1} on TMDB`,
  runtime_from: (value) => `from ${runtime(Number(value))}`,
  runtime_to: (value) => `up to ${runtime(Number(value))}`,
  country, language,
  director: (value) => `directed by ${label(value)}`,
  actor: (value) => `with ${label(value)}`,
  watched: yes("watched", "not watched"),
  watchlist: yes("on the watchlist", "not on the watchlist"),
  liked: yes("liked", "not liked"),
  rewatched: yes("rewatched", "not rewatched"),
  tag: (value) => `tag: ${value}`,
  list: (value) => `list: ${value}`,
  watched_on: (value) => `watched in ${value}`,
};
/** People stand in the address as `525~Christopher Nolan`: the API takes the id, a reader the name. */
const MARK = "~";
const PEOPLE = ["director", "actor"];

const label = (value) => value.split(MARK)[1] ?? `person ${value}`;

/** A person as a filter's value. */
export const person = ({ id, name }) => `${id}${MARK}${name}`;

/** The filters in the page's address; of a share's not the list, which an owner's address may have. @returns {[string, string][]} */
export function filtersHere() {
  return [...new URLSearchParams(location.search)].filter(([name, value]) =>
    Object.hasOwn(WORDS, name) && value !== "" && !(name === "list" && location.pathname.startsWith("/share/")));
}

/** The same as the API takes them, with whatever else is asked for. */
export function query(filters, more = {}) {
  const taken = filters.map(([name, value]) => [name, PEOPLE.includes(name) ? value.split(MARK)[0] : value]);
  return { ...Object.fromEntries(taken), ...more };
}

export const inWords = ([name, value]) => WORDS[name](value);

/** The address of a view of this session with just these filters. */
export function address(view, filters = {}) {
  return `${location.pathname}?${new URLSearchParams({ view, ...filters })}`;
}

/** The present address with some parameters set, or, where they are null, taken out. */
export function changed(parameters) {
  const search = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === "") search.delete(name);
    else search.set(name, value);
  }
  return `${location.pathname}?${search}`;
}
