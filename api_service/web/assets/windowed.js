/** A list of any length that renders only the rows near the window. */

import { h } from "./dom.js";

/** Rows kept above and below what is seen, in windows. */
const BEYOND = 1;

export class Windowed {
  /**
   * @param {HTMLElement} place holds the rows; gets the height of all of them
   * @param {{columns: () => number, rowHeight: () => number, draw: (index: number) => HTMLElement,
   *   seen: (from: number, to: number) => void}} options `draw` makes the item of an index;
   *   `seen` hears which indexes are in the document, `to` not among them
   */
  constructor(place, options) {
    this.place = place;
    this.options = options;
    this.count = 0;
    this.rows = new Map();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    const draw = () => { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); }); };
    addEventListener("scroll", draw, { passive: true, signal });
    // A change of width changes how many stand in a row.
    this.watch = new ResizeObserver(([entry]) => {
      if (entry.contentRect.width !== this.width) this.lay();
    });
    this.watch.observe(place);
  }

  /** Show so many items, from the beginning. */
  reset(count) {
    this.count = count;
    this.lay();
  }

  lay() {
    this.width = this.place.clientWidth;
    this.columns = Math.max(1, this.options.columns());
    this.height = this.options.rowHeight();
    this.place.style.setProperty("--columns", this.columns);
    this.place.style.setProperty("height", `${Math.ceil(this.count / this.columns) * this.height}px`);
    this.rows.clear();
    this.place.replaceChildren();
    this.draw();
  }

  draw() {
    if (!this.place.isConnected) return;
    const top = -this.place.getBoundingClientRect().top;
    const beyond = BEYOND * innerHeight;
    const all = Math.ceil(this.count / this.columns);
    const first = Math.min(Math.max(0, Math.floor((top - beyond) / this.height)), all);
    const last = Math.min(all, Math.max(first, Math.ceil((top + innerHeight + beyond) / this.height)));
    for (const [row, element] of this.rows) {
      // A focused row stays, so that the keyboard keeps its place.
      if ((row < first || row >= last) && !element.contains(document.activeElement)) {
        element.remove();
        this.rows.delete(row);
      }
    }
    for (let row = first; row < last; row += 1) if (!this.rows.has(row)) this.add(row);
    this.options.seen(first * this.columns, Math.min(this.count, last * this.columns));
  }

  add(row) {
    const from = row * this.columns;
    const items = Array.from(
      { length: Math.min(this.columns, this.count - from) }, (_, index) => this.options.draw(from + index),
    );
    const element = h("div", { class: "row", role: "none", style: { top: `${row * this.height}px`, height: `${this.height}px` } }, items);
    this.rows.set(row, element);
    // In the order of the list, which is the order of the keyboard.
    const after = [...this.rows.keys()].filter((other) => other > row);
    this.place.insertBefore(element, after.length ? this.rows.get(Math.min(...after)) : null);
  }

  close() {
    this.leaving.abort();
    this.watch.disconnect();
    if (this.frame) cancelAnimationFrame(this.frame);
  }
}
