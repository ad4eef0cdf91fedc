/** Elements built from data, never from markup, so that titles are always text. */

/**
 * Build an element.
 *
 * @param {string} tag
 * @param {object} attributes `on…` are listeners, `style` an object of custom or other properties,
 *   true and false set or leave out an attribute; null leaves it out.
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") {
      for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

/** The children that there are: a part that has nothing to show is null, undefined or false. */
const present = (children) => children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);

/** Text for screen readers only. */
export function spoken(text) {
  return h("span", { class: "spoken" }, text);
}

/** In place of a view whose code could not be fetched; browsers differ in whether they ask again. */
export const UNFETCHED = {
  open(root) {
    root.append(
      h("p", { role: "alert" }, "This could not be loaded. Check your connection; nothing is lost."),
      h("button", { type: "button", onclick: () => location.reload() }, "Try again"),
    );
    return {};
  },
};

/** Put other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/**
 * Remember what has the focus within an element whose content is about to be made anew.
 *
 * @param {HTMLElement} element
 * @returns {(instead?: HTMLElement) => void} gives the focus to what has the same name as that, else
 *   to `instead`; does nothing where the focus was elsewhere
 */
export function holdFocus(element) {
  const focused = document.activeElement;
  if (!element.contains(focused) || focused === element) return () => {};
  const name = nameOf(focused);
  return (instead = element) => {
    const same = [...element.querySelectorAll(focused.tagName)].find((other) => nameOf(other) === name);
    if (!same && instead.tabIndex < 0) instead.tabIndex = -1;
    (same ?? instead).focus({ preventScroll: true });
  };
}

const nameOf = (element) => element.dataset.name ?? element.getAttribute("href") ?? element.getAttribute("aria-label") ?? element.textContent;

/**
 * A dialog that is opened at once and takes itself away when it is closed.
 *
 * @param {string} name its accessible name
 * @param {(close: () => void) => Node[]} build its content
 * @param {() => void} [closed] called afterwards
 */
export function dialog(name, build, closed = () => {}) {
  const shown = h("dialog", {
    "aria-label": name,
    onclose: () => { shown.remove(); closed(); },
    // A click on the backdrop is a click on the dialog itself, outside of what is seen of it.
    onclick: (event) => { if (event.target === shown && !within(shown, event)) shown.close(); },
  });
  shown.append(...build(() => shown.close()));
  document.body.append(shown);
  shown.showModal();
  return shown;
}

function within(element, { clientX: x, clientY: y }) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return x >= left && x <= right && y >= top && y <= bottom;
}
