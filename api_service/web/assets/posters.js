/** Posters and portraits in the size that fits, with their space reserved. */

import { h } from "./dom.js";

const BASE = document.querySelector('meta[name="images"]').content;
const POSTERS = [92, 154, 185, 342, 500];
const PORTRAITS = [45, 185];

// Connect to the pictures' host while the films are requested.
document.head.append(h("link", { rel: "preconnect", href: new URL(BASE, location.href).origin }));

/**
 * A poster, two wide to three high; where there is none, the title in its place.
 *
 * @param {{title: string, poster_url?: string|null, poster_path?: string|null}} film
 * @param {string} sizes how wide it is drawn, as in the attribute of `img`
 */
export function poster(film, sizes) {
  return picture(pathOf(film.poster_url ?? film.poster_path), POSTERS, sizes, film.title ?? "");
}

/** Somebody's picture, or the initials. */
export function portrait(someone, sizes) {
  const initials = someone.name.split(/\s+/).slice(0, 2).map((word) => word[0]).join("");
  return picture(pathOf(someone.profile_url), PORTRAITS, sizes, initials);
}

function picture(path, widths, sizes, instead) {
  const frame = h("span", { class: "picture", "aria-hidden": "true" }, h("span", { class: "instead" }, instead));
  if (path) {
    const address = (width) => `${BASE}/w${width}${path}`;
    frame.append(h("img", {
      src: address(widths.at(-2)), srcset: widths.map((width) => `${address(width)} ${width}w`).join(", "), sizes,
      alt: "", width: 2, height: 3, loading: "lazy", decoding: "async",
      onerror: (event) => event.target.remove(),
    }));
  }
  return frame;
}

/** The API names pictures by one size; TMDB has the same path under others. */
function pathOf(address) {
  return address ? address.slice(address.lastIndexOf("/")) : null;
}
