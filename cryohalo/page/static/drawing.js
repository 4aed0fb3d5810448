// Binds the elements of a drawing or list to variables: data-pv names one, data-scale, data-units and
// data-digits say how else to write it.

import { signed } from "./format.js";

export function bind(store, root) {
  const bound = new Map();
  for (const node of root.querySelectorAll("[data-pv]")) {
    const { pv, scale, units, digits } = node.dataset;
    const how = {
      scale: scale && Number(scale), units, digits: digits === undefined ? undefined : Number(digits),
    };
    if (!bound.has(pv)) bound.set(pv, []);
    bound.get(pv).push({ node, how });
  }
  store.listen((changed) => {
    for (const name of changed) {
      for (const { node, how } of bound.get(name) ?? []) write(node, store.get(name), how);
    }
  });
}

function write(node, pv, how) {
  const text = signed(pv, how);
  if (node.textContent !== text) node.textContent = text;
  for (let level = 1; level <= 4; level += 1) node.classList.toggle(`sev-${level}`, pv.severity === level);
  // The tip of an SVG text would be one of its children; the accessible name serves both.
  if (!node.hasAttribute("aria-label")) node.setAttribute("aria-label", `${pv.desc} (${pv.name})`);
}

/** Colour of a temperature between `low` and `high`, K: blue to red through pale. */
export function heatColour(kelvin, low, high) {
  if (!Number.isFinite(kelvin)) return "var(--metal)";
  const x = Math.min(1, Math.max(0, (kelvin - low) / (high - low)));
  const stops = [[43, 108, 196], [150, 190, 232], [244, 196, 150], [207, 62, 44]];
  const at = x * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const mixed = stops[i].map((c, k) => Math.round(c + (at - i) * (stops[i + 1][k] - c)));
  return `rgb(${mixed.join(" ")})`;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
