// The page of one instrument: header, banner, drawing, lists; charts and controls in modules of their own.

import { alarms } from "./alarms.js";
import { banner } from "./banner.js";
import { charts } from "./charts.js";
import { controls } from "./controls.js";
import { bind } from "./drawing.js";
import { element } from "./format.js";
import { queue } from "./queue.js";
import { Store } from "./store.js";

const THEME = "cryohalo-theme";

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event("themechange"));
}

function themeButton() {
  const wanted = matchMedia("(prefers-color-scheme: dark)");
  applyTheme(localStorage.getItem(THEME) ?? (wanted.matches ? "dark" : "light"));
  return element("button", {
    id: "theme", title: "Dark or light",
    onclick: () => {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      localStorage.setItem(THEME, next);
      applyTheme(next);
    },
  }, "◐");
}

function header(about) {
  const links = Object.entries(about.instruments).map(([name, title]) => element(
    "a", { href: `/${name}`, "aria-current": name === about.instrument && "page" }, title));
  return element("header", {},
    element("nav", {}, ...links),
    element("div", { id: "summary", role: "status" }, "…"),
    element("span", { id: "clock" }),
    themeButton());
}

function tiles(rows) {
  const list = element("dl");
  for (const [label, name, how = {}] of rows) {
    list.append(element("dt", {}, label), element("dd", {
      "data-pv": name, "data-scale": how.scale, "data-units": how.units, "data-digits": how.digits,
    }, "…"));
  }
  return element("section", { id: "tiles" }, list);
}

/**
 * Build the page around the drawing that stands in the document.
 * view: {tiles, summary(store), troubles(store), draw(store, changed), sections: [make(store, about)], begin}, where
 * begin is the part of the drawing that a narrow window shows first, 0 its left end and 1 its right.
 */
export async function start(view) {
  const instrument = document.body.dataset.instrument;
  const about = await (await fetch(`/api/${instrument}/about`)).json();
  document.title = `${about.instruments[instrument]} ${about.prefix}`;
  const store = new Store(instrument, about.advice);
  const trouble = element("div", { id: "banner", role: "alert", hidden: true });
  const main = document.querySelector("main");
  document.body.prepend(header(about), trouble);
  main.append(element("div", { id: "side" }, tiles(view.tiles), alarms(store, about)));
  const sections = [...(view.sections ?? []), charts, ...(about.queue ? [queue] : []), controls];
  main.append(...sections.map((make) => make(store, about)));
  // On a phone the drawing is wider than the window: begin where the eye does.
  const drawing = document.getElementById("synoptic");
  drawing.scrollLeft = view.begin * (drawing.scrollWidth - drawing.clientWidth);
  bind(store, document.body);
  banner(store, trouble, view.troubles);
  const summary = document.getElementById("summary");
  const clock = document.getElementById("clock");
  store.listen((changed) => {
    const gone = document.body.classList.contains("gone");
    const text = gone ? "Not known now" : store.pvs.size ? view.summary(store) : "…";
    if (summary.textContent !== text) summary.textContent = text;
    clock.textContent = new Date(1000 * store.time).toLocaleTimeString("en-GB");
    document.body.classList.toggle("live", store.connected);
    if (changed.size) view.draw(store, changed);
  });
  store.open();
  window.cryohalo = { store, about }; // for whoever looks into it from the browser's console
  return { store, about, main };
}
