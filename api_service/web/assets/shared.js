/** A shared list as visitors see it. */

import { request, sharePath } from "./api.js";
import { filtersHere } from "./filters.js";
import { count, dayOf } from "./format.js";
import { ListView } from "./list_view.js";
import { THEIRS } from "./words.js";

const VIEWS = {
  overview: { name: "Overview", load: () => import("./overview.js") },
  films: { name: "Films", load: () => import("./films.js") },
};
/** Between two requests for the status while the list fills, afterwards, and on a hidden page. */
const [FILLING_SECONDS, COMPLETED_SECONDS, HIDDEN_SECONDS] = [3, 30, 60];

export function open(root, id) {
  return new SharedList(root, id).open();
}

class SharedList extends ListView {
  constructor(root, id) {
    super(root, id, { heading: "A shared list", words: THEIRS, owned: false, views: VIEWS });
    this.statusPath = "";
  }

  /** The address of something in this list, in the API. */
  path(rest, query) {
    return sharePath(this.id, rest, query);
  }

  get summary() {
    const { total_movies: films, expires_at: expires } = this.status;
    return [`${count(films, "film")} · shared with you to read`, expires && ` until ${dayOf(expires)}`];
  }

  get documentTitle() {
    return `${VIEWS[this.named].name} · A shared list · Projectionist`;
  }

  follow() {
    const usual = this.status.status === "completed" ? COMPLETED_SECONDS : FILLING_SECONDS;
    this.timer = setTimeout(() => this.poll(), (document.hidden ? HIDDEN_SECONDS : usual) * 1000);
  }

  async poll() {
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
    this.follow();
  }

  /** The view that the address names, else the overview. */
  get named() {
    return new URLSearchParams(location.search).get("view") === "films" ? "films" : "overview";
  }

  address(view) {
    return view === "films" ? `?${new URLSearchParams([["view", view], ...filtersHere()])}` : location.pathname;
  }

  gone() {
    return {
      heading: "This list is not shared here", link: "Upload your own list",
      reason: "Its owner has ended the link or deleted the list, or the link has expired, or the address is incomplete.",
    };
  }

  close() {
    super.close();
    clearTimeout(this.timer);
  }
}
