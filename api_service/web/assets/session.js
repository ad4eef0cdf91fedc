/** One list: how far it is, and its views: progress, overview, films, fixing, sharing, taking it away. */

import { request, sessionPath } from "./api.js";
import { UNFETCHED, fill, h } from "./dom.js";
import { changed, filtersHere } from "./filters.js";
import { count, dayOf, number } from "./format.js";
import { showFilm } from "./film.js";
import { forget, remember } from "./known_lists.js";
import { follow } from "./live.js";
import { progress } from "./progress.js";
import { reading } from "./reading.js";
import { YOURS } from "./words.js";

const VIEWS = {
  progress: () => import("./posters_coming.js"),
  overview: () => import("./overview.js"),
  films: () => import("./films.js"),
  fix: () => import("./fix.js"),
  share: () => import("./share.js"),
  away: () => import("./away.js"),
};

/** The views that the report of the upload stands above. */
const REPORTING = new Set(["progress", "overview"]);

const NAMES = { progress: "Progress", overview: "Overview", films: "Films", fix: "Fix matches", share: "Share", away: "Take away" };

export function open(root, id) {
  const session = new Session(root, id);
  session.start();
  return { update: () => session.show(), close: () => session.close() };
}

/** What the views of one session share. */
class Session {
  constructor(root, id) {
    this.root = root;
    this.id = id;
    this.words = YOURS;
    /** Whether who looks on may change it: a shared list is looked at by others. */
    this.owned = true;
    this.status = null;
    this.latest = [];
    /** Whether it is being deleted here, and so nobody need be told that it is gone. */
    this.leaving = false;
    this.shown = null;
    this.film = null;
    this.bar = progress();
    this.title = h("p", { class: "sub" });
    this.links = Object.fromEntries(Object.keys(VIEWS).map((view) => [view, h("a", {}, NAMES[view])]));
    this.badge = h("span", {});
    this.links.fix.append(this.badge);
    this.tabs = h("nav", { class: "tabs", "aria-label": "Views of this list" }, Object.values(this.links));
    /** Above the views, so that it stays as it is when one of them gives way to another. */
    this.report = reading(id);
    this.report.hidden = true;
    this.place = h("div", { class: "view", tabindex: -1 });
  }

  async start() {
    fill(this.root, h("p", { class: "quiet" }, "Loading …"));
    // What the view needs comes while the status does; if it fails, it is tried again and told then.
    VIEWS[viewNamed() ?? "overview"]().catch(() => {});
    try {
      this.status = await request(sessionPath(this.id, "/status"));
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (this.ended) return;
    fill(this.root, h("h1", {}, "Your films"), this.title, this.bar.element, this.tabs, this.report, this.place);
    remember(this.status);
    this.live = follow(this.id, {
      status: (status) => this.hear(status),
      fleet: (fleet) => this.bar.fleet(fleet),
      connected: (yes) => this.bar.connected(yes),
      films: (films) => {
        this.latest = [...films, ...this.latest].slice(0, 24);
        this.shown?.view.films?.(films);
      },
      gone: () => this.leaving || this.refuse({ status: 404 }),
    });
    this.hear(this.status);
    this.show();
  }

  hear(status) {
    const before = this.status;
    this.status = status;
    this.bar.status(status);
    fill(this.title, `${count(status.total_movies, "film")} · uploaded ${dayOf(status.created_at)} · kept until ${dayOf(status.expires_at)} unless you look again`);
    this.drawTabs();
    if (before.status !== status.status) this.show();
    if (outcomes(before) !== outcomes(status)) this.shown?.view.counts?.(status);
  }

  /** Ask for the status now; after a correction, say, when no event need be waited for. */
  async refresh() {
    const before = this.status;
    try {
      const status = await request(sessionPath(this.id, "/status"));
      // What was heard meanwhile is newer.
      if (this.status === before && !this.ended) this.hear(status);
    } catch {
      // Whatever follows the session tells of it, and of the trouble.
    }
  }

  /** After an upload into this session: how it was read is to be told anew, and its counts. */
  added() {
    const report = reading(this.id);
    report.hidden = this.report.hidden;
    this.report.replaceWith(report);
    this.report = report;
    this.refresh();
  }

  /** The address of something in this list, in the API. */
  path(rest, query) {
    return sessionPath(this.id, rest, query);
  }

  get done() {
    return this.status.status === "completed";
  }

  /** The view that the address names, or that fits how far the list is. */
  get named() {
    return viewNamed() ?? (this.done ? "overview" : "progress");
  }

  async show() {
    if (!this.status || this.ended) return;
    this.drawTabs();
    const name = this.named;
    if (this.shown?.name !== name) {
      this.shown?.view.close?.();
      const shown = { name, view: {} };
      this.shown = shown;
      const module = await VIEWS[name]().catch(() => UNFETCHED);
      if (this.shown !== shown) return;
      const left = this.place.contains(document.activeElement);
      this.report.hidden = !REPORTING.has(name);
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

  drawTabs() {
    document.title = this.done
      ? `${NAMES[this.named]} · Your films · Projectionist`
      : `${this.status.progress_percent} % · Projectionist`;
    const { not_found_count: missing, failed_count: failed } = this.status;
    const open = missing + failed;
    const here = this.named;
    const address = (view) => view === "progress" ? location.pathname
      : view === "films" ? `?${new URLSearchParams([["view", view], ...filtersHere()])}` : `?view=${view}`;
    // Changed in place: whoever has the focus keeps it, though counts change twice a second.
    for (const [view, tab] of Object.entries(this.links)) {
      tab.setAttribute("href", address(view));
      if (here === view) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    this.links.progress.hidden = this.done;
    fill(this.badge, open ? [" ", h("span", { class: "badge" }, number(open))] : null);
  }

  /** The address of a film over the present view. */
  filmAddress(position) {
    return changed({ film: position });
  }

  refuse(problem) {
    this.close();
    document.title = "Not here · Projectionist";
    const gone = problem.status === 404;
    if (gone) forget(this.id);
    fill(this.root, h("h1", {}, gone ? "This list is not here" : "This list cannot be shown now"),
      h("p", {}, gone ? "It was deleted, or not looked at for so long that it was let go, or the address is not whole." : problem.message),
      h("p", {}, gone ? h("a", { href: "/" }, "Bring a list") : h("button", { type: "button", onclick: () => this.restart() }, "Try again")));
  }

  restart() {
    this.ended = false;
    this.start();
  }

  close() {
    this.ended = true;
    this.live?.close();
    this.film?.close();
    this.shown?.view.close?.();
    this.shown = null;
  }
}

/** The view that the address names, if it is one. */
function viewNamed() {
  const named = new URLSearchParams(location.search).get("view");
  return Object.hasOwn(VIEWS, named) && named !== "progress" ? named : null;
}

const outcomes = (status) => [status.total_movies, status.enriched_count, status.not_found_count, status.failed_count].join();
