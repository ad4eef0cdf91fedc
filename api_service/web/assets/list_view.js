/** The page of a list, one's own or a shared one: tabs, one view, and a film over it. */

import { request } from "./api.js";
import { UNFETCHED, fill, h } from "./dom.js";
import { changed } from "./filters.js";
import { showFilm } from "./film.js";
import { progress } from "./progress.js";

/** @typedef {Record<string, {name: string, load: () => Promise<object>}>} Views */

/** A list's page. Its kinds say which `path` it has, which view is `named`, and the tabs' addresses. */
export class ListView {
  /** @param {{heading: string, words: object, owned: boolean, views: Views}} kind */
  constructor(root, id, { heading, words, owned, views }) {
    this.root = root;
    this.id = id;
    this.heading = heading;
    this.words = words;
    /** Whether the reader may change it. */
    this.owned = owned;
    this.views = views;
    this.status = null;
    this.shown = null;
    this.film = null;
    this.bar = progress();
    this.title = h("p", { class: "sub" });
    this.links = Object.fromEntries(Object.entries(views).map(([view, { name }]) => [view, h("a", {}, name)]));
    this.tabs = h("nav", { class: "tabs", "aria-label": "Views of this list" }, Object.values(this.links));
    /** Above the views, so that it stays as it is when one of them gives way to another. */
    this.report = null;
    this.place = h("div", { class: "view", tabindex: -1 });
  }

  /** The controls that the router has of this list. */
  open() {
    this.start();
    return { update: () => this.show(), close: () => this.close() };
  }

  async start() {
    fill(this.root, h("p", { class: "quiet" }, "Loading …"));
    // The view's module loads beside the status; if it fails, `show` tries again and says so.
    this.views[this.named].load().catch(() => {});
    let status;
    try {
      status = await request(this.path(this.statusPath));
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (this.ended) return;
    fill(this.root, h("h1", {}, this.heading), this.title, this.bar.element, this.tabs, this.report, this.place);
    this.hear(status);
    this.follow();
    this.show();
  }

  /** Take in a status, newer than the one before. */
  hear(status) {
    const before = this.status;
    this.status = status;
    this.bar.status(status);
    fill(this.title, this.summary);
    this.drawTabs();
    if (before && before.status !== status.status) this.show();
    if (before && outcomes(before) !== outcomes(status)) this.shown?.view.counts?.(status);
  }

  async show() {
    if (!this.status || this.ended) return;
    this.drawTabs();
    const name = this.named;
    if (this.shown?.name !== name) {
      this.shown?.view.close?.();
      const shown = { name, view: {} };
      this.shown = shown;
      const module = await this.views[name].load().catch(() => UNFETCHED);
      if (this.shown !== shown) return;
      const left = this.place.contains(document.activeElement);
      if (this.report) this.report.hidden = !this.views[name].reports;
      fill(this.place);
      shown.view = module.open(this.place, this);
      // A reader who followed a link in the former view continues in this one.
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
    document.title = this.documentTitle;
    const here = this.named;
    // Changed in place, so that a focused tab keeps the focus though counts change twice a second.
    for (const [view, tab] of Object.entries(this.links)) {
      tab.setAttribute("href", this.address(view));
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
    const { heading, reason, link } = problem.status === 404 ? this.gone()
      : { heading: "This list cannot be shown now", reason: problem.message };
    fill(this.root, h("h1", {}, heading), h("p", {}, reason),
      h("p", {}, link ? h("a", { href: "/" }, link) : h("button", { type: "button", onclick: () => this.restart() }, "Try again")));
  }

  restart() {
    this.ended = false;
    this.start();
  }

  close() {
    this.ended = true;
    this.film?.close();
    this.shown?.view.close?.();
    this.shown = null;
  }
}

const outcomes = (status) => [status.total_movies, status.enriched_count, status.not_found_count, status.failed_count].join();
