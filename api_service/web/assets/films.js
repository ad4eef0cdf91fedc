/** The films of a list, filtered and sorted: a wall of posters or a table. */

import { request } from "./api.js";
import { chips } from "./chips.js";
import { fill, h, holdFocus } from "./dom.js";
import { changed, filtersHere, query } from "./filters.js";
import { FilmCache } from "./film_cache.js";
import { card, columnHeads, row } from "./film_items.js";
import { downloads } from "./downloads.js";
import { count } from "./format.js";
import { go } from "./navigation.js";
import { keep, recall } from "./memory.js";
import { Windowed } from "./windowed.js";

const sorts = (words) => [
  ["position", words.order], ["title", "Title"], ["year", "Year"], ["rating", words.rating],
  ["tmdb_rating", "TMDB’s rating"], ["runtime", "Runtime"], ["watched", "Watched"],
];
const LAYOUT = "projectionist.layout";
/** Until typing has rested so long, in milliseconds, nothing is searched for. */
const TYPING = 200;
/** No more often than this is the list read again while films are found, in milliseconds. */
const QUIET = 5000;
const [POSTER_WIDTH, GAP, CAPTION] = [132, 16, 62];
const TABLE_ROW = 64;

export function open(root, session) {
  const view = new Films(session);
  root.append(...view.elements);
  view.load();
  return {
    update: () => view.load(),
    counts: () => { view.waiting ??= setTimeout(() => view.reload(), QUIET); },
    close: () => view.close(),
  };
}

class Films {
  constructor(session) {
    this.session = session;
    this.positions = [];
    this.items = new Map();
    this.asked = null;
    this.layout = recall("localStorage", LAYOUT) ?? "posters";
    this.cache = new FilmCache(session, (position, movie) => this.arrive(position, movie));
    this.search = h("input", {
      type: "search", "aria-label": "Search films", placeholder: "Title, director or actor", maxlength: 200,
      oninput: () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => go(changed({ q: this.search.value.trim() }), { replace: true }), TYPING);
      },
    });
    this.sort = h("select", {
      "aria-label": "Sort by", onchange: () => go(changed({ sort: this.sort.value, reverse: null }), { replace: true }),
    }, sorts(session.words).map(([value, name]) => h("option", { value }, name)));
    this.turn = h("button", {
      type: "button", "aria-label": "Reverse the order", "aria-pressed": "false",
      onclick: () => go(changed({ reverse: this.reverse ? null : "true" }), { replace: true }),
    }, "⇅");
    this.layouts = ["posters", "table"].map((layout) => h("button", {
      type: "button", "aria-pressed": String(layout === this.layout), onclick: () => this.choose(layout),
    }, layout === "posters" ? "Posters" : "Table"));
    this.filters = h("div", {});
    this.said = h("p", { class: "quiet", role: "status" });
    this.place = h("div", {});
    this.exports = h("details", { class: "exports" });
    this.elements = [
      h("div", { class: "tools" }, this.search,
        h("span", { class: "together" }, this.sort, this.turn),
        h("span", { class: "together", role: "group", "aria-label": "Layout" }, this.layouts)),
      this.filters, h("div", { class: "said" }, this.said, this.exports), this.place,
    ];
  }

  get reverse() {
    return new URLSearchParams(location.search).get("reverse") === "true";
  }

  /** What is asked of the API: changes when filters or order do, not when a film is opened. */
  get question() {
    const sort = new URLSearchParams(location.search).get("sort") ?? "position";
    return query(filtersHere(), { sort, ...(this.reverse && { reverse: "true" }) });
  }

  async load() {
    const question = this.question;
    const key = JSON.stringify(question);
    if (key === this.asked) return;
    const first = this.asked === null;
    this.asked = key;
    if (document.activeElement !== this.search) this.search.value = question.q ?? "";
    this.sort.value = question.sort;
    this.turn.setAttribute("aria-pressed", String(this.reverse));
    const filters = filtersHere().filter(([name]) => name !== "q");
    const giveFocus = holdFocus(this.filters);
    fill(this.filters, filters.length ? chips(filters) : null);
    giveFocus(this.said);
    fill(this.exports, h("summary", {}, "Export these films"), downloads(this.session, query(filtersHere()), "these films"));
    await this.read(question, { keep: first });
  }

  /** Read it again where it stands, because outcomes have changed. */
  async reload() {
    this.waiting = null;
    this.cache.renew();
    await this.read(this.question, { keep: true });
  }

  async read(question, { keep }) {
    // Nobody waits for the one before: the service need not go on with it.
    this.reading?.abort();
    this.reading = new AbortController();
    const { signal } = this.reading;
    let answer;
    try {
      answer = await request(this.session.path("/movies/positions", question), { signal });
    } catch (error) {
      if (!signal.aborted) this.refuse(error);
      return;
    }
    if (signal.aborted) return;
    const same = this.list && answer.positions.join() === this.positions.join();
    this.positions = answer.positions;
    this.say(answer.total ? count(answer.total, "film") : "No films match.");
    if (!keep && scrollY > this.place.offsetTop) scrollTo(0, this.place.offsetTop - 80);
    // Read again, most films stand where they stood: only what they show may have changed.
    if (keep && same) this.list.draw();
    else this.draw();
  }

  refuse(problem) {
    this.say(problem.withRetry, " ", h("button", { type: "button", onclick: () => this.reload() }, "Try again"));
    clearTimeout(this.waiting);
    this.waiting = problem.retryAfter ? setTimeout(() => this.reload(), problem.retryAfter * 1000) : null;
  }

  /** Said again only when it is something else, lest it be read aloud each time. */
  say(text, ...more) {
    if (this.said.firstChild?.textContent !== text) fill(this.said, text, ...more);
  }

  choose(layout) {
    this.layout = layout;
    keep("localStorage", LAYOUT, layout);
    this.layouts.forEach((button, index) => button.setAttribute("aria-pressed", String(["posters", "table"][index] === layout)));
    this.draw();
  }

  draw() {
    const giveFocus = holdFocus(this.place);
    this.list?.close();
    this.items.clear();
    const table = this.layout === "table";
    const total = this.positions.length;
    const body = h("div", table
      ? { class: "window rows", role: "rowgroup" }
      : { class: "window wall", role: "list", "aria-label": "Films" });
    fill(this.place, table
      ? h("div", { class: "films-table", role: "table", "aria-label": "Films", "aria-rowcount": total + 1 },
        columnHeads(this.session.words, this.question.sort, this.reverse, (sort, reverse) => go(changed({ sort, reverse }), { replace: true })), body)
      : body);
    const columns = () => (table ? 1 : Math.floor((body.clientWidth + GAP) / (POSTER_WIDTH + GAP)) || 1);
    this.list = new Windowed(body, {
      columns,
      rowHeight: () => (table ? TABLE_ROW : Math.ceil(((body.clientWidth + GAP) / columns() - GAP) * 1.5) + CAPTION + GAP),
      draw: (index) => this.item(index, table),
      seen: (from, to) => {
        const near = new Set(this.positions.slice(from, to));
        for (const position of this.items.keys()) if (!near.has(position)) this.items.delete(position);
        this.cache.want([...near]);
      },
    });
    this.list.reset(total);
    giveFocus(this.said);
  }

  item(index, table) {
    const position = this.positions[index];
    const element = h("div", table
      ? { class: "film-row", role: "row", "aria-rowindex": index + 2 }
      : { class: "film-card", role: "listitem", "aria-setsize": this.positions.length, "aria-posinset": index + 1 });
    this.items.set(position, element);
    const known = this.cache.get(position);
    if (known) this.arrive(position, known);
    else element.setAttribute("aria-busy", "true");
    return element;
  }

  arrive(position, movie) {
    const element = this.items.get(position);
    if (!element) return;
    element.removeAttribute("aria-busy");
    // The address is made when it is followed: filters may change while the film stays in sight.
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      go(this.session.filmAddress(position));
    };
    const giveFocus = holdFocus(element);
    fill(element, this.layout === "table"
      ? row(movie, this.session.filmAddress(position), open)
      : card(movie, this.session.filmAddress(position), open));
    giveFocus(element.querySelector("a"));
  }

  close() {
    this.list?.close();
    this.cache.close();
    this.reading?.abort();
    clearTimeout(this.waiting);
    clearTimeout(this.typing);
  }
}
