/** A list that somebody shared: to be looked at by whoever has its link, and changed by nobody. */

import { request, sharePath } from "./api.js";
import { UNFETCHED, fill, h } from "./dom.js";
import { changed, filtersHere } from "./filters.js";
import { count, dayOf } from "./format.js";
import { showFilm } from "./film.js";
import { progress } from "./progress.js";
import { THEIRS } from "./words.js";

const VIEWS = { overview: () => import("./overview.js"), films: () => import("./films.js") };
const NAMES = { overview: "Overview", films: "Films" };
/** Between two looks at the list while it fills, afterwards, and on a page that nobody sees. */
const [FILLING_SECONDS, COMPLETED_SECONDS, HIDDEN_SECONDS] = [3, 30, 60];

export function open(root, id) {
  const list = new SharedList(root, id);
  list.start();
  return { update: () => list.show(), close: () => list.close() };
}

class SharedList {
  constructor(root, id) {
    this.root = root;
    this.id = id;
    this.words = THEIRS;
    this.owned = false;
    this.status = null;
    this.shown = null;
    this.film = null;
    this.bar = progress();
    this.title = h("p", { class: "sub" });
    this.links = Object.fromEntries(Object.entries(NAMES).map(([view, name]) => [view, h("a", {}, name)]));
    this.place = h("div", { class: "view", tabindex: -1 });
  }

  /** The address of something in this list, in the API. */
  path(rest, query) {
    return sharePath(this.id, rest, query);
  }

  async start() {
    fill(this.root, h("p", { class: "quiet" }, "Loading …"));
    let status;
    try {
      status = await request(this.path());
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (this.ended) return;
    fill(this.root, h("h1", {}, "A shared list"), this.title, this.bar.element,
      h("nav", { class: "tabs", "aria-label": "Views of this list" }, Object.values(this.links)), this.place);
    this.hear(status);
    this.show();
    this.wait();
  }

  hear(status) {
    const before = this.status;
    this.status = status;
    this.bar.status(status);
    fill(this.title, `${count(status.total_movies, "film")} · somebody shared this list with you, to look at`,
      status.expires_at && ` until ${dayOf(status.expires_at)}`);
    if (before && outcomes(before) !== outcomes(status)) this.shown?.view.counts?.(status);
  }

  wait() {
    const usual = this.status.status === "completed" ? COMPLETED_SECONDS : FILLING_SECONDS;
    this.timer = setTimeout(() => this.look(), (document.hidden ? HIDDEN_SECONDS : usual) * 1000);
  }

  async look() {
    try {
      const status = await request(this.path());
      if (this.ended) return;
      this.bar.connected(true);
      this.hear(status);
    } catch (error) {
      if (this.ended) return;
      if (error.status === 404) {
        this.refuse(error);
        return;
      }
      this.bar.connected(false);
    }
    this.wait();
  }

  async show() {
    if (!this.status || this.ended) return;
    const name = viewNamed();
    this.drawTabs(name);
    if (this.shown?.name !== name) {
      this.shown?.view.close?.();
      const shown = { name, view: {} };
      this.shown = shown;
      const module = await VIEWS[name]().catch(() => UNFETCHED);
      if (this.shown !== shown) return;
      const left = this.place.contains(document.activeElement);
      fill(this.place);
      shown.view = module.open(this.place, this);
      // Whoever followed a link within the view before reads on in this one.
      if (left) this.place.focus({ preventScroll: true });
    } else this.shown.view.update?.();
    this.showFilm();
  }

  /** The dialog of the film that the address names. */
  showFilm() {
    const position = new URLSearchParams(location.search).get("film");
    if (this.film?.position === position) return;
    this.film?.close();
    this.film = position === null ? null : { position, ...showFilm(this, position) };
  }

  drawTabs(here) {
    document.title = `${NAMES[here]} · A shared list · Projectionist`;
    this.links.overview.setAttribute("href", location.pathname);
    this.links.films.setAttribute("href", `?${new URLSearchParams([["view", "films"], ...filtersHere()])}`);
    for (const [view, tab] of Object.entries(this.links)) {
      if (here === view) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }

  /** The address of a film over the present view. */
  filmAddress(position) {
    return changed({ film: position });
  }

  refuse(problem) {
    this.close();
    document.title = "Not here · Projectionist";
    const gone = problem.status === 404;
    fill(this.root, h("h1", {}, gone ? "This list is not shared here" : "This list cannot be shown now"),
      h("p", {}, gone ? "Its owner has ended the link or deleted the list, or its time is over, or the address is not whole." : problem.message),
      h("p", {}, gone ? h("a", { href: "/" }, "Bring a list of your own") : h("button", { type: "button", onclick: () => this.restart() }, "Try again")));
  }

  restart() {
    this.ended = false;
    this.start();
  }

  close() {
    this.ended = true;
    clearTimeout(this.timer);
    this.film?.close();
    this.shown?.view.close?.();
    this.shown = null;
  }
}

/** The view that the address names, else the overview. */
function viewNamed() {
  return new URLSearchParams(location.search).get("view") === "films" ? "films" : "overview";
}

const outcomes = (status) => [status.total_movies, status.enriched_count, status.not_found_count, status.failed_count].join();
