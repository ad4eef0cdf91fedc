/** Links to a list: created, copied and revoked. */

import { request } from "./api.js";
import { fill, h } from "./dom.js";
import { dayOf } from "./format.js";

/** What a link may end after, in days. */
const ENDS = [["never", ""], ["after a day", "1"], ["after a week", "7"], ["after a month", "30"], ["after a year", "365"]];

export function open(root, session) {
  const reviews = h("input", { type: "checkbox" });
  const tags = h("input", { type: "checkbox" });
  const ends = h("select", {}, ENDS.map(([name, value]) => h("option", { value }, name)));
  const make = h("button", { type: "submit", class: "button main" }, "Create link");
  const said = h("p", { role: "status", class: "quiet" });
  const list = h("ul", { class: "shares" });
  const form = h("form", {
    class: "sharing",
    onsubmit: async (event) => {
      event.preventDefault();
      make.disabled = true;
      try {
        const json = { reviews: reviews.checked, tags: tags.checked, expires_in_days: ends.value ? Number(ends.value) : null };
        const share = await request(session.path("/shares"), { method: "POST", json });
        const made = item(share);
        list.prepend(made);
        fill(said, "Link created.");
        made.querySelector("button").focus();
      } catch (error) {
        fill(said, error.message);
      }
      make.disabled = false;
    },
  },
  h("label", {}, reviews, " Show my reviews"), h("label", {}, tags, " Show my tags"),
  h("label", {}, "Expires ", ends), make);

  root.append(
    h("section", { class: "panel", "aria-label": "Share" }, h("h2", {}, "Share"),
      h("p", {}, "Anyone with the link can see your films with your ratings and dates, and save them as a file. They cannot change anything, and do not see this page’s address, your files, the names of your lists, or the links that came with your films."),
      form,
      h("p", { class: "quiet" }, "A link stops working when the list expires. Opening the list renews it; opening the link does not.")),
    h("section", { class: "panel", "aria-label": "Your links" }, h("h2", {}, "Your links"), said, list));

  function item(share) {
    const address = new URL(share.path, location.origin).href;
    const text = h("input", { type: "text", readonly: true, value: address, "aria-label": "Link", onfocus: () => text.select() });
    const element = h("li", {},
      h("div", { class: "together" }, text,
        h("button", { type: "button", onclick: () => copy(text) }, "Copy"),
        h("button", { type: "button", class: "danger", onclick: () => end(share, element) }, "Revoke link")),
      h("small", { class: "quiet" }, about(share)));
    return element;
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text.value);
      fill(said, "Link copied.");
    } catch {
      // Browsers let a page copy only where it came over HTTPS.
      text.focus();
      fill(said, "The link is selected: copy it with the keyboard or the menu.");
    }
  }

  async function end(share, element) {
    try {
      await request(session.path(`/shares/${share.share_id}`), { method: "DELETE" });
    } catch (error) {
      if (error.status !== 404) {
        fill(said, error.message);
        return;
      }
    }
    element.remove();
    fill(said, "Link revoked: nobody can see the list through it any more.");
    make.focus();
  }

  async function load() {
    try {
      const { shares } = await request(session.path("/shares"));
      fill(list, shares.map(item));
      fill(said, shares.length ? null : "No links yet.");
    } catch (error) {
      fill(said, error.message, " ", h("button", { type: "button", onclick: load }, "Try again"));
    }
  }

  load();
  return {};
}

function about({ reviews, tags, created_at: made, expires_at: ends }) {
  const more = [reviews && "reviews", tags && "tags"].filter(Boolean).join(" and ");
  return [`${more ? `With ${more}` : "Without reviews and tags"} · made ${dayOf(made)}`, ends && ` · ends ${dayOf(ends)}`].filter(Boolean).join("");
}
