/** The form that corrects a match: a candidate, an id or link, or “Not a film”. */

import { request, sessionPath } from "./api.js";
import { dialog, fill, h } from "./dom.js";
import { poster } from "./posters.js";

const BAD_ID = "That is not a film’s id or link: paste its TMDB or IMDb id, or the link to its page there.";
const LETTERBOXD = "A Letterboxd link does not contain the film’s id: follow the TMDB or IMDb link at the foot of its page, and paste that link.";

/**
 * @param {object} session
 * @param {object} movie
 * @param {(movie: object|null) => void} done hears the movie as it is now, or null when it is none
 * @param {boolean} inDoubt whether the film that was found may be confirmed
 */
export function matchForm(session, movie, done, inDoubt = false) {
  const said = h("p", { role: "alert", class: "trouble", hidden: true });
  const say = (text) => { fill(said, text); said.hidden = !text; };
  const path = sessionPath(session.id, `/movies/${movie.position}/match`);

  async function act(method, json) {
    say("");
    whole.setAttribute("aria-busy", "true");
    try {
      done(await request(path, { method, json }));
      session.refresh();
    } catch (error) {
      say(error.message);
    } finally {
      whole.removeAttribute("aria-busy");
    }
  }

  const given = h("input", {
    type: "text", "aria-label": "TMDB or IMDb id or link", placeholder: "TMDB or IMDb id or link", autocomplete: "off",
  });
  const form = h("form", {
    class: "together",
    onsubmit: (event) => {
      event.preventDefault();
      const asked = idFrom(given.value);
      if (asked.refused) say(asked.refused);
      else act("PUT", asked);
    },
  }, given, h("button", { type: "submit" }, "Use it"),
  h("button", { type: "button", class: "plain", onclick: () => remove(movie, () => act("DELETE")) }, "Not a film"));
  const whole = h("div", { class: "match-form" },
    inDoubt && h("button", { type: "button", onclick: () => act("PUT", { tmdb_id: movie.tmdb_id }) }, "It is right"),
    movie.candidates.length > 0 && h("ul", { class: "candidates" }, movie.candidates.map((candidate) => h("li", {},
      poster(candidate, "60px"),
      h("span", { class: "caption" }, candidate.title, candidate.year && ` (${candidate.year})`,
        h("a", { href: `https://www.themoviedb.org/movie/${candidate.tmdb_id}`, target: "_blank", rel: "noreferrer", class: "quiet" }, " see on TMDB")),
      h("button", {
        type: "button", "aria-label": `This one: ${candidate.title}${candidate.year ? ` (${candidate.year})` : ""}`,
        onclick: () => act("PUT", { tmdb_id: candidate.tmdb_id }),
      }, "This one")))),
    form, said);
  return whole;
}

function remove(movie, act) {
  dialog("Not a film", (close) => [
    h("p", {}, `“${movie.title ?? movie.tmdb_title ?? "This entry"}” will be removed from the list, with your rating and dates.`),
    h("div", { class: "together" },
      h("button", { type: "button", class: "danger", onclick: () => { close(); act(); } }, "Remove it"),
      h("button", { type: "button", autofocus: true, onclick: close }, "Keep it")),
  ]);
}

/** What somebody pasted, as the API's correction, or why it is none. */
export function idFrom(text) {
  const given = text.trim();
  const imdb = /(?:^|\/)(tt\d{7,10})(?:\D|$)/.exec(given);
  if (imdb) return { imdb_id: imdb[1] };
  const tmdb = /^(\d{1,10})$/.exec(given) ?? /(?:themoviedb\.org\/movie|letterboxd\.com\/tmdb)\/(\d{1,10})/.exec(given);
  if (tmdb && Number(tmdb[1]) > 0 && Number(tmdb[1]) < 2 ** 31) return { tmdb_id: Number(tmdb[1]) };
  return { refused: /letterboxd\.com|boxd\.it/.test(given) ? LETTERBOXD : BAD_ID };
}
