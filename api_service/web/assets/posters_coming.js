/** While a list is enriched: the posters of its films as they are found. */

import { fill, h } from "./dom.js";
import { poster } from "./posters.js";

/** On a phone more of them would be a long way to scroll. */
const PLACES = matchMedia("(max-width: 40rem)").matches ? 8 : 24;

export function open(root, session) {
  // Each new film takes the place of the oldest, so that nothing moves.
  const places = Array.from({ length: PLACES }, () => h("li", { class: "place" }));
  let next = 0;
  root.append(h("h2", {}, "Just found"), h("ul", { class: "coming" }, places));

  function films(latest) {
    for (const film of latest.filter(({ outcome }) => outcome === "found").reverse()) {
      fill(places[next], h("a", { href: session.filmAddress(film.position), class: "arrived" },
        poster(film, "(max-width: 40rem) 30vw, 140px"),
        h("span", { class: "caption" }, `${film.title ?? "Untitled"}${film.year ? ` (${film.year})` : ""}`)));
      next = (next + 1) % PLACES;
    }
  }

  films(session.latest);
  return { films };
}
