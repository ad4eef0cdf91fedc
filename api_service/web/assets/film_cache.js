/** The movies of a list by position, asked for in handfuls as they come into sight. */

import { request, sessionPath } from "./api.js";

const HANDFUL = 60;
/** Until scrolling has rested so long, in milliseconds, nothing is asked for. */
const REST = 60;
const AGAIN = 3000;

export class FilmCache {
  /** @param {(position: number, movie: object) => void} arrived */
  constructor(id, arrived) {
    this.id = id;
    this.arrived = arrived;
    this.movies = new Map();
    this.asked = new Set();
    this.leaving = new AbortController();
  }

  get(position) {
    return this.movies.get(position);
  }

  /** Forget all, because outcomes have changed. */
  clear() {
    this.movies.clear();
    this.asked.clear();
  }

  /** Have these, soon; whatever was wanted before and not yet asked for is not wanted any more. */
  want(positions) {
    clearTimeout(this.timer);
    const missing = positions.filter((position) => !this.movies.has(position) && !this.asked.has(position));
    if (missing.length) this.timer = setTimeout(() => this.fetch(missing), REST);
  }

  async fetch(missing) {
    for (let from = 0; from < missing.length; from += HANDFUL) this.fetchSome(missing.slice(from, from + HANDFUL));
  }

  async fetchSome(positions) {
    positions.forEach((position) => this.asked.add(position));
    try {
      const { movies } = await request(
        sessionPath(this.id, "/movies", { positions: positions.join() }), { signal: this.leaving.signal },
      );
      for (const movie of movies) {
        this.movies.set(movie.position, movie);
        this.arrived(movie.position, movie);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      setTimeout(() => this.leaving.signal.aborted || this.fetchSome(positions), AGAIN);
      return;
    }
    positions.forEach((position) => this.asked.delete(position));
  }

  close() {
    this.leaving.abort();
    clearTimeout(this.timer);
  }
}
