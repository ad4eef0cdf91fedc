/** A year of watching: one square a day, each with films a link to them; arrow keys go from day to day. */

import { fill, h, spoken } from "./dom.js";
import { count, day } from "./format.js";

const DAY = 24 * 60 * 60 * 1000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * @param {{date: string, watches: number}[]} days with a film, ascending
 * @param {{year: number, watches: number}[]} years ascending
 * @param {(date: string) => string} href the address of a day's, month's or year's films
 * @param {{year?: number}} kept the year that was chosen, for when the calendar is made anew
 */
export function calendar(days, years, href, kept) {
  const byYear = Map.groupBy(days, ({ date }) => Number(date.slice(0, 4)));
  const place = h("div", {});
  let index = years.findIndex(({ year }) => year === kept.year);
  if (index < 0) index = years.length - 1;

  function show() {
    const { year, watches } = years[index];
    const step = (change, text) => h("button", {
      type: "button", class: "plain", disabled: !years[index + change],
      onclick: () => {
        index += change;
        kept.year = years[index].year;
        show();
        const [back, on] = place.querySelectorAll("button");
        const wanted = change < 0 ? [back, on] : [on, back];
        wanted.find((button) => !button.disabled)?.focus();
      },
    }, text);
    fill(place,
      h("div", { class: "calendar-head" },
        step(-1, years[index - 1] ? `‹ ${years[index - 1].year}` : "‹"),
        h("a", { href: href(String(year)) }, h("strong", {}, year), ` ${count(watches, "film")}`),
        step(1, years[index + 1] ? `${years[index + 1].year} ›` : "›")),
      h("div", { class: "scroller" }, grid(year, byYear.get(year) ?? [], href)));
  }

  show();
  return place;
}

function grid(year, days, href) {
  const start = Date.UTC(year, 0, 1);
  // Weeks begin on Monday; the first column is the week of 1 January.
  const lead = (new Date(start).getUTCDay() + 6) % 7;
  const cell = (time) => lead + Math.round((time - start) / DAY);
  const most = Math.max(...days.map(({ watches }) => watches), 1);
  const months = MONTHS.map((name, month) => h("span", {
    class: "month", "aria-hidden": "true", style: { "--week": Math.floor(cell(Date.UTC(year, month, 1)) / 7) + 1 },
  }, name));
  const items = days.map(({ date, watches }, index) => {
    const at = cell(Date.parse(`${date}T00:00:00Z`));
    const text = `${day(date)}: ${count(watches, "film")}`;
    return h("li", { style: { "--week": Math.floor(at / 7) + 1, "--weekday": (at % 7) + 1, "--level": Math.ceil((4 * watches) / most) } },
      h("a", { href: href(date), title: text, tabindex: index ? -1 : 0 }, spoken(text)));
  });
  const list = h("ul", {
    class: "days", "aria-label": `Days of ${year} with a film`,
    onkeydown: (event) => {
      const step = STEPS[event.key];
      const links = [...list.querySelectorAll("a")];
      const next = step && links[links.indexOf(document.activeElement) + step];
      if (!next) return;
      event.preventDefault();
      document.activeElement.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    },
  }, items);
  return h("div", { class: "calendar" }, months, list);
}
