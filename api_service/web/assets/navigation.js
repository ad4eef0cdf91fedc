/** Navigation between the page's addresses, which restores how far each was scrolled. */

/** Until scrolling has rested so long, in milliseconds, nothing is noted. */
const REST = 400;
/** How long a view that one comes back to may take until it is as long as it was, in milliseconds. */
const ROOM = 10_000;

const main = document.querySelector("main");
let noting = null;
let making = null;
let show = () => {};

history.scrollRestoration = "manual";
addEventListener("scroll", () => {
  clearTimeout(noting);
  noting = setTimeout(note, REST);
}, { passive: true });

function note() {
  clearTimeout(noting);
  history.replaceState({ ...history.state, scroll: scrollY }, "");
}

/** Go to an address of this page; `replace` leaves no step for the back button. */
export function go(address, { replace = false } = {}) {
  note();
  release();
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState({ scroll: scrollY, taken: true }, "", address);
  show();
}

/** Have `view` show what the address names, now and after each step. */
export function start(view) {
  show = view;
  addEventListener("popstate", () => {
    resume();
    show();
  });
  resume();
  show();
}

/** Whether the step before the present one is a view of this page too. */
export const canStepBack = () => Boolean(history.state?.taken);

/** After a step back or forth, or a reload: scroll to where it was left, and keep room for it. */
function resume() {
  clearTimeout(noting);
  release();
  const to = history.state?.scroll;
  // Nothing is noted of a place that was never left; what was left at its top begins there.
  if (to === undefined) return;
  if (to) {
    main.style.minHeight = `${to + innerHeight}px`;
    // The place is the coming view's: browsers would shift it by what moves in the view that still stands there.
    main.style.overflowAnchor = "none";
  }
  scrollTo(0, to);
  making = setTimeout(release, ROOM);
}

function release() {
  clearTimeout(making);
  main.style.minHeight = "";
  main.style.overflowAnchor = "";
}
