/** One's own list: its progress, overview, films, matches to fix, sharing, and export. */

import { request, sessionPath } from "./api.js";
import { fill, h } from "./dom.js";
import { filtersHere } from "./filters.js";
import { count, dayOf, number } from "./format.js";
import { forget, remember } from "./known_lists.js";
import { ListView } from "./list_view.js";
import { follow } from "./live.js";
import { reading } from "./reading.js";
import { YOURS } from "./words.js";

/** The report of the upload stands above those views that say so. */
const VIEWS = {
  progress: { name: "Progress", load: () => import("./posters_coming.js"), reports: true },
  overview: { name: "Overview", load: () => import("./overview.js"), reports: true },
  films: { name: "Films", load: () => import("./films.js") },
  fix: { name: "Fix matches", load: () => import("./fix.js") },
  share: { name: "Share", load: () => import("./share.js") },
  export: { name: "Export", load: () => import("./export.js") },
};
/** Films that have come lately, for the view that shows their posters. */
const LATEST = 24;

export function open(root, id) {
  return new Session(root, id).open();
}

class Session extends ListView {
  constructor(root, id) {
    super(root, id, { heading: "Your films", words: YOURS, owned: true, views: VIEWS });
    this.latest = [];
    /** Whether it is being deleted here, so that its absence needs no message. */
    this.leaving = false;
    this.badge = h("span", {});
    this.links.fix.append(this.badge);
    this.report = reading(id);
    this.report.hidden = true;
    this.statusPath = "/status";
  }

  /** The address of something in this list, in the API. */
  path(rest, query) {
    return sessionPath(this.id, rest, query);
  }

  follow() {
    remember(this.status);
    this.live = follow(this.id, {
      status: (status) => this.hear(status),
      fleet: (fleet) => this.bar.fleet(fleet),
      connected: (yes) => this.bar.connected(yes),
      films: (films) => {
        this.latest = [...films, ...this.latest].slice(0, LATEST);
        this.shown?.view.films?.(films);
      },
      gone: () => this.leaving || this.refuse({ status: 404 }),
    });
  }

  get summary() {
    const { total_movies: films, created_at: created, expires_at: expires } = this.status;
    return `${count(films, "film")} · uploaded ${dayOf(created)} · Expires ${dayOf(expires)} (opening the list renews it)`;
  }

  get documentTitle() {
    return this.done ? `${VIEWS[this.named].name} · Your films · Projectionist` : `${this.status.progress_percent} % · Projectionist`;
  }

  /** Ask for the status now; after a correction, say, when no event need be waited for. */
  async refresh() {
    const before = this.status;
    try {
      const status = await request(this.path("/status"));
      // What was heard meanwhile is newer.
      if (this.status === before && !this.ended) this.hear(status);
    } catch {
      // Whatever follows the session tells of it, and of the trouble.
    }
  }

  /** Refresh the report and the counts after an upload into this session. */
  added() {
    const report = reading(this.id);
    report.hidden = this.report.hidden;
    this.report.replaceWith(report);
    this.report = report;
    this.refresh();
  }

  get done() {
    return this.status.status === "completed";
  }

  /** The view that the address names, or that fits how far the list is. */
  get named() {
    const asked = new URLSearchParams(location.search).get("view");
    const named = asked === "away" ? "export" : asked;  // its name in older bookmarks
    if (Object.hasOwn(VIEWS, named) && named !== "progress") return named;
    return this.status && !this.done ? "progress" : "overview";
  }

  address(view) {
    if (view === "progress") return location.pathname;
    return view === "films" ? `?${new URLSearchParams([["view", view], ...filtersHere()])}` : `?view=${view}`;
  }

  drawTabs() {
    super.drawTabs();
    const open = this.status.not_found_count + this.status.failed_count;
    this.links.progress.hidden = this.done;
    fill(this.badge, open ? [" ", h("span", { class: "badge" }, number(open))] : null);
  }

  gone() {
    forget(this.id);
    return {
      heading: "This list is not here", link: "Upload a list",
      reason: "It was deleted, or it expired because nobody had opened it for long, or the address is incomplete.",
    };
  }

  close() {
    super.close();
    this.live?.close();
  }
}
