/** The dashboard of a list: every bar leads to the films behind it. */

import { request } from "./api.js";
import { calendar } from "./calendar.js";
import { bars, columns } from "./charts.js";
import { fill, h, holdFocus, spoken } from "./dom.js";
import { address, filtersHere, person, query } from "./filters.js";
import { chips } from "./chips.js";
import { count, country, decimal, language, number, runtime, stars } from "./format.js";
import { portrait, poster } from "./posters.js";

/** No more often than this are the numbers read again while a list fills, in seconds. */
const QUIET_SECONDS = 5;
/** Characters that fit under the columns of a panel across the page. */
const WIDE = 90;

export function open(root, session) {
  const place = h("div", { class: "overview" });
  let reading = new AbortController();
  let readAt = 0;
  let waiting = null;
  let asked = "";
  /** What was asked for when that was drawn which is shown. */
  let drawn = null;
  /** What was opened and chosen here, which stays so when the numbers are read again. */
  const kept = { whole: new Set(), calendar: {}, years: null };
  root.append(place);

  async function load() {
    clearTimeout(waiting);
    waiting = null;
    readAt = performance.now();
    asked = withoutFilm(location.search);
    // Nobody waits for the one before: the service need not go on with it.
    reading.abort();
    reading = new AbortController();
    const { signal } = reading;
    const filters = filtersHere();
    try {
      const summary = await request(session.path("/summary", query(filters)), { signal });
      if (signal.aborted) return;
      const giveFocus = holdFocus(place);
      fill(place, draw(summary, filters, session, kept));
      giveFocus();
      drawn = asked;
    } catch (error) {
      if (!signal.aborted) refuse(error);
    }
  }

  /** Say what went wrong above the numbers that there are, and try again when the service says so. */
  function refuse(problem) {
    if (drawn !== asked) fill(place);
    drawn = asked;
    if (problem.retryAfter) waiting = setTimeout(load, problem.retryAfter * 1000);
    const said = place.querySelector(":scope > [role=alert]");
    if (said?.firstChild.textContent === problem.withRetry) return;
    said?.remove();
    place.prepend(h("div", { role: "alert" }, h("p", {}, problem.withRetry), h("button", { type: "button", onclick: load }, "Try again")));
  }

  fill(place, h("p", { class: "quiet" }, "Calculating …"));
  load();
  return {
    update: () => { if (asked !== withoutFilm(location.search)) load(); },
    counts: () => { waiting ??= setTimeout(load, Math.max(0, readAt + QUIET_SECONDS * 1000 - performance.now())); },
    close: () => { reading.abort(); clearTimeout(waiting); },
  };
}

function withoutFilm(search) {
  const parameters = new URLSearchParams(search);
  parameters.delete("film");
  return parameters.toString();
}

function draw(summary, filters, session, kept) {
  // A bar within a filtered overview narrows the filter further.
  const all = (more) => address("films", { ...Object.fromEntries(filters), ...more });
  // What is counted are the watched films, where there are any and nobody asks for others.
  const asked = filters.some(([name]) => name === "watched" || name === "watchlist");
  const films = (more) => all({ ...(summary.films.watched > 0 && !asked && { watched: true }), ...more });
  return [
    filters.length > 0 && chips(filters),
    totals(summary, all, films),
    section("Years", scroller(kept, columns(everyYear(summary.years).map(({ year, films: value, ...rest }) => ({
      name: String(year), value, href: films({ year }), note: mean(rest),
    })), { room: WIDE })), "wide"),
    summary.days.length > 0 && section("Calendar", calendar(summary.days, summary.watch_years, (date) => films({ watched_on: date }), kept.calendar), "wide"),
    h("div", { class: "flowing" },
      section("Genres", bars(summary.genres.map((genre) => ({
        name: genre.name, value: genre.films, href: films({ genre: genre.name }), note: mean(genre),
      })), "Genres", kept.whole)),
      section("Decades", columns(summary.decades.map(({ decade, films: value, ...rest }) => ({
        name: `${decade}s`, value, href: films({ decade }), note: mean(rest),
      })))),
      section("Runtimes", columns(summary.runtimes.map(({ from, to, films: value }) => ({
        name: `${from}′`, spoken: to === null ? `${from} minutes and more` : `${from} to ${to} minutes`, value,
        href: films(to === null ? { runtime_from: from } : { runtime_from: from, runtime_to: to }),
      }))), "", extremes(summary, session)),
      section("Countries", bars(summary.countries.map(({ code, films: value }) => ({ name: country(code), value, href: films({ country: code }) })), "Countries", kept.whole)),
      section("Languages", bars(summary.languages.map(({ code, films: value }) => ({ name: language(code), value, href: films({ language: code }) })), "Languages", kept.whole)),
      summary.watchlist.films > 0 && section("Watchlist", watchlist(summary.watchlist, all, kept))),
    section("Ratings", ratings(summary, films, session), "wide"),
    h("div", { class: "flowing two" },
      section("Directors", people(summary.directors, "director", films, kept)),
      section("Actors", people(summary.actors, "actor", films, kept))),
    summary.rewatches.length > 0 && section("Rewatches", cards(summary.rewatches, session, (film) => count(film.watches, "time")), "wide"),
  ];
}

function section(name, content, kind = "", more = null) {
  const empty = content.matches?.("ol:empty");
  return h("section", { class: `panel ${kind}`, "aria-label": name }, h("h2", {}, name),
    empty ? h("p", { class: "quiet" }, "Nothing yet.") : content, more);
}

function totals({ totals: sums, films: kinds }, all, films) {
  const total = (value, name, href) => {
    const inside = [h("b", {}, value), h("span", {}, name)];
    return h("li", {}, href ? h("a", { href }, inside) : inside);
  };
  return h("ul", { class: "totals" },
    total(number(sums.films), sums.films === 1 ? "film" : "films", films({})),
    total(number(Math.round(sums.minutes / 60)), "hours"),
    total(number(sums.countries), sums.countries === 1 ? "country" : "countries"),
    total(number(sums.directors), sums.directors === 1 ? "director" : "directors"),
    kinds.rated > 0 && total(number(kinds.rated), "rated"),
    kinds.liked > 0 && total(number(kinds.liked), "liked", all({ liked: true })),
    kinds.rewatched > 0 && total(number(kinds.rewatched), "rewatched", all({ rewatched: true })),
    kinds.watchlist > 0 && total(number(kinds.watchlist), "on the watchlist", all({ watchlist: true })));
}

const mean = ({ mean_rating: rating }) => (rating === null ? "" : `★ ${decimal(rating)}`);

/** What may be wider than the screen, and begins with its end: the latest years. */
function scroller(kept, content) {
  if (content.matches("ol:empty")) return content;
  const element = h("div", { class: "scroller", onscroll: () => { kept.years = element.scrollLeft; } }, content);
  requestAnimationFrame(() => element.scrollTo(kept.years ?? element.scrollWidth, 0));
  return element;
}

/** Years without a film are part of the picture. */
function everyYear(years) {
  if (!years.length) return [];
  const known = new Map(years.map((entry) => [entry.year, entry]));
  const first = years[0].year;
  const all = Array.from({ length: years.at(-1).year - first + 1 }, (_, index) => first + index);
  return all.map((year) => known.get(year) ?? { year, films: 0, mean_rating: null });
}

function people(list, name, films, kept) {
  return bars(list.map((someone) => ({
    name: someone.name, value: someone.films, href: films({ [name]: person(someone) }), note: mean(someone),
    picture: portrait(someone, "40px"),
  })), name, kept.whole);
}

function ratings({ ratings: given, against_tmdb: against }, films, session) {
  if (!given.some((entry) => entry.films)) return h("p", { class: "quiet" }, "No film of this list is rated.");
  const table = against.films > 0 && [
    h("p", {}, session.words.give, h("b", {}, decimal(against.mine)), " on average, TMDB’s voters ",
      h("b", {}, decimal(against.theirs)), ` of 5 (${count(against.films, "film")}).`),
    h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": session.words.against }, h("table", { class: "against" },
      h("thead", {}, h("tr", {}, [session.words.gave, "TMDB’s mean", "Films"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, against.points.map(({ rating, theirs, films: value }) => h("tr", {},
        h("th", { scope: "row" }, h("span", { "aria-hidden": "true" }, stars(rating)), spoken(`${rating} of 5`)),
        h("td", {}, h("span", { class: "track", "aria-hidden": "true", style: { "--share": theirs / 5, "--mine": rating / 5 } }), decimal(theirs)),
        h("td", { class: "figure" }, number(value))))))),
  ];
  const extremes = against.films > 0 && [
    h("h3", {}, session.words.liked), cards(against.higher, session, difference(session)),
    h("h3", {}, session.words.disliked), cards(against.lower, session, difference(session)),
  ];
  return h("div", { class: "halves" },
    h("div", {}, columns(given.map(({ rating, films: value }) => ({
      name: rating % 1 ? "" : String(rating), spoken: `${rating} of 5`, value, href: films({ rating }),
    }))), table),
    extremes && h("div", {}, extremes));
}

const difference = (session) => (film) => `${session.words.who} ${decimal(film.rating)}, TMDB ${decimal(film.vote_average / 2)}`;

function extremes({ shortest, longest }, session) {
  if (!shortest) return null;
  return h("p", {}, "From ", film(shortest, session), " to ", film(longest, session), ".");
}

const film = (card, session) => h("a", { href: session.filmAddress(card.position) }, titleOf(card));

const titleOf = ({ title, year }) => `${title ?? "Untitled"}${year ? ` (${year})` : ""}`;

function cards(list, session, note) {
  return h("ul", { class: "cards" }, list.map((card) => h("li", {}, h("a", { href: session.filmAddress(card.position) },
    poster(card, "80px"), h("span", { class: "caption" }, titleOf(card)), h("small", {}, note(card))))));
}

function watchlist({ films: value, minutes, genres }, all, kept) {
  return h("div", {},
    h("p", {}, h("a", { href: all({ watchlist: true }) }, count(value, "film")),
      minutes > 0 && ` still to see: ${runtime(minutes)}.`),
    bars(genres.map((genre) => ({ name: genre.name, value: genre.films, href: all({ watchlist: true, genre: genre.name }) })), "Watchlist", kept.whole));
}
