/** The dialog of one film, over the view that it was opened from. */

import { request } from "./api.js";
import { dialog, fill, h, holdFocus } from "./dom.js";
import { address, changed, person } from "./filters.js";
import { countries, nameOf, note, rating, why, yearOf } from "./film_items.js";
import { count, day, language, number, runtime } from "./format.js";
import { matchForm } from "./match_form.js";
import { portrait, poster } from "./posters.js";
import { canStepBack, go } from "./navigation.js";

const FACES = 12;

/** Show the film at a position; the address says so as long as it is open. */
export function showFilm(session, position) {
  const place = h("div", { class: "film" }, h("p", { class: "quiet" }, "Loading …"));
  let left = false;
  const shown = dialog("Film", (close) => [
    h("button", { type: "button", class: "plain close", "aria-label": "Close", onclick: close }, "×"), place,
  ], () => {
    if (left) return;
    // The way back leads to before the film was opened, not to the film.
    if (canStepBack()) history.back();
    else go(changed({ film: null }), { replace: true });
  });

  async function load() {
    try {
      const movie = await request(session.path(`/movies/${encodeURIComponent(position)}`));
      shown.setAttribute("aria-label", nameOf(movie));
      const giveFocus = holdFocus(place);
      fill(place, draw(movie, session, (now) => (now ? load() : shown.close())));
      giveFocus();
    } catch (error) {
      fill(place, h("p", { role: "alert" }, error.message));
    }
  }

  load();
  return { close: () => { left = true; shown.close(); } };
}

function draw(movie, session, corrected) {
  return [
    h("div", { class: "film-poster" }, poster({ ...movie, title: nameOf(movie) }, "(max-width: 40rem) 40vw, 240px")),
    h("div", { class: "film-text" },
      h("h2", {}, nameOf(movie), " ", h("span", { class: "quiet" }, yearOf(movie))),
      movie.original_title && movie.original_title !== movie.tmdb_title && h("p", { class: "quiet" }, movie.original_title),
      movie.outcome === "found" ? facts(movie) : h("p", { class: "trouble" }, note(movie), movie.reason && `: ${why(movie)}`),
      movie.overview && h("p", {}, movie.overview),
      links(movie), yours(movie, session.words),
      session.owned && h("details", {}, h("summary", {}, movie.outcome === "found" ? "Not the right film?" : "Choose the film"),
        movie.outcome === "found" && h("p", { class: "quiet" }, `Your list says “${movie.title ?? "no title"}”${movie.year ? ` (${movie.year})` : ""}; ${why(movie)}.`),
        matchForm(session, movie, corrected))),
    people(movie),
  ];
}

function facts(movie) {
  const directors = movie.credits.directors.map((someone, index) => [
    index > 0 && ", ", h("a", { href: address("films", { director: person(someone) }) }, someone.name)]);
  return [
    directors.length > 0 && h("p", {}, "Directed by ", ...directors.flat()),
    h("p", {}, [movie.runtime_minutes && runtime(movie.runtime_minutes), countries(movie), movie.languages.map(language).join(", ")].filter(Boolean).join(" · ")),
    h("p", { class: "chips" }, movie.genres.map((genre) => h("a", { class: "chip", href: address("films", { genre }) }, genre))),
    movie.vote_average !== null && h("p", {}, "TMDB: ", h("b", {}, movie.vote_average.toFixed(1)), ` of 10, ${count(movie.vote_count, "vote")}`),
  ];
}

function links(movie) {
  const link = (name, href) => h("a", { href, target: "_blank", rel: "noreferrer" }, name);
  const there = [
    movie.tmdb_url && link("TMDB", movie.tmdb_url),
    movie.imdb_id && link("IMDb", `https://www.imdb.com/title/${movie.imdb_id}/`),
    movie.tmdb_id && link("Letterboxd", `https://letterboxd.com/tmdb/${movie.tmdb_id}`),
  ].filter(Boolean);
  return there.length > 0 && h("p", { class: "links" }, there.flatMap((element, index) => (index ? [" · ", element] : [element])));
}

/** What the list's owner said of it; of a shared list that may leave out tags, reviews and lists. */
function yours(movie, words) {
  const said = [
    movie.rating !== null && [words.rating, rating(movie.rating)],
    movie.watch_dates.length > 0 && ["Watched", movie.watch_dates.map(day).join(", ")],
    !movie.watch_dates.length && movie.watched && ["Watched", "yes"],
    movie.rewatches > 0 && ["Rewatched", count(movie.rewatches, "time")],
    movie.liked && ["Liked", "yes"],
    movie.in_watchlist && ["Watchlist", "yes"],
    movie.tags?.length > 0 && ["Tags", movie.tags.join(", ")],
    movie.lists?.length > 0 && ["Lists", movie.lists.join(", ")],
    movie.review && ["Review", h("span", { class: "review" }, movie.review)],
  ].filter(Boolean);
  return said.length > 0 && h("dl", { class: "yours" }, said.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function people(movie) {
  const cast = movie.credits.cast.slice(0, FACES);
  return cast.length > 0 && h("section", { class: "cast", "aria-label": "Cast" }, h("h3", {}, "Cast"),
    h("ul", { class: "faces" }, cast.map((someone) => h("li", {}, h("a", { href: address("films", { actor: person(someone) }) },
      portrait(someone, "64px"), h("span", {}, someone.name), someone.character && h("small", {}, someone.character))))),
    movie.credits.cast.length > FACES && h("p", { class: "quiet" }, `and ${number(movie.credits.cast.length - FACES)} more`));
}
