/** The profiles of an account whose viewings were uploaded, and the choice to read only some. */

import { fill, h } from "./dom.js";
import { count } from "./format.js";

/**
 * @param {{files: object[]}} report
 * @param {(profiles: string[]) => Promise<void>} [readOnly] makes the list anew of these alone, which
 *   only the page that uploaded the files can do
 */
export function profiles(report, readOnly) {
  const found = together(report.files.flatMap((file) => file.profiles ?? []));
  if (found.length < 2) return null;
  const said = h("p", { role: "status" });
  const boxes = found.map((one, index) => h("input", {
    type: "checkbox", id: `profile-${index}`, checked: one.is_read, disabled: !readOnly,
  }));
  const chosen = () => found.filter((_, index) => boxes[index].checked).map((one) => one.name);
  const onsubmit = async (event) => {
    event.preventDefault();
    if (!chosen().length) {
      fill(said, "Choose at least one profile.");
      return;
    }
    button.disabled = true;
    fill(said, "Reading …");
    try {
      await readOnly(chosen());
    } catch (error) {
      button.disabled = false;
      fill(said, error.message);
    }
  };
  const button = h("button", { type: "submit" }, "Read only these");
  return h("form", { class: "profiles", onsubmit }, h("fieldset", {},
    h("legend", {}, "Profiles"),
    found.map((one, index) => h("p", {}, boxes[index],
      h("label", { for: `profile-${index}` }, `${one.name}: ${count(one.rows, "row")}, ${one.is_read ? count(one.films, "film") : "not read"}`))),
    readOnly ? button : h("p", { class: "quiet" }, "To read only some of them, upload the file again and choose them."),
    said));
}

/** One entry a name: two files of an upload may be of the same people. */
function together(all) {
  const byName = new Map();
  for (const one of all) {
    const known = byName.get(one.name);
    if (known) Object.assign(known, { rows: known.rows + one.rows, films: known.films + one.films });
    else byName.set(one.name, { ...one });
  }
  return [...byName.values()];
}
