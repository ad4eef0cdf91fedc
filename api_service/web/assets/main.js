/** The router: which view an address means, and links that load no new page. */

import { UNFETCHED, fill, h } from "./dom.js";
import { go, start } from "./navigation.js";

const main = document.querySelector("main");
const VIEWS = [
  [/^\/$/, () => import("./start.js")],
  [/^\/session\/([^/]+)$/, () => import("./session.js")],
  [/^\/share\/([^/]+)$/, () => import("./shared.js")],
  [/^\/worker$/, () => import("./worker.js")],
];

/** @type {{path: string, view: {update?: () => void, close?: () => void}} | null} */
let current = null;

async function show() {
  const path = location.pathname;
  if (current?.path === path && current.view.update) {
    current.view.update();
    return;
  }
  const [load, parts] = found(path);
  const first = current === null;
  current?.view.close?.();
  current = { path, view: {} };
  const opened = current;
  const module = await load().catch(() => UNFETCHED);
  if (current !== opened) return;
  fill(main);
  opened.view = module.open(main, ...parts);
  if (!first && document.activeElement === document.body) main.focus({ preventScroll: true });
}

function found(path) {
  for (const [pattern, load] of VIEWS) {
    const match = pattern.exec(path);
    if (match) return [load, match.slice(1)];
  }
  return [async () => ({ open: lost }), []];
}

function lost(root) {
  document.title = "Not here · Projectionist";
  root.append(h("h1", {}, "Page not found"), h("p", {}, h("a", { href: "/" }, "Go to the start")));
  return {};
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.target || link.hasAttribute("download") || "outside" in link.dataset) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  const stays = link.pathname === location.pathname;
  go(link.href);
  if (!stays) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
});
// A file let go beside the place for files would be opened by the browser in place of the page.
for (const event of ["dragover", "drop"]) {
  addEventListener(event, (dragged) => { if (dragged.dataTransfer?.types.includes("Files")) dragged.preventDefault(); });
}
start(show);
