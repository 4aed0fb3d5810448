// The search that runs: how far, until when, its grand spectrum and its limit against KSVZ and DFSZ.

import { axes, colour, lineColour } from "./charts.js";
import { duration, element, figure } from "./format.js";

const HEIGHT = 200;

class Plot {
  constructor(title, build) {
    Object.assign(this, { options: build, plot: null, data: null });
    this.box = element("div");
    this.node = element("div", { class: "chart" }, element("h3", {}, title), this.box);
  }

  show(data) {
    if (data) this.data = data;
    if (!this.data) return;
    this.plot?.destroy();
    this.plot = new uPlot({
      width: Math.max(200, this.box.clientWidth), height: HEIGHT, legend: { show: false },
      cursor: { drag: { x: false, y: false } }, ...this.options(),
    }, this.data, this.box);
  }
}

const line = (label, stroke, extra = {}) => ({ label, stroke, width: 1.4, points: { show: false }, ...extra });

/** A word at the right end of each labelled line. */
const ends = (labels) => ({ hooks: { draw: [(plot) => {
  const { ctx, bbox, data } = plot;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui`;
  ctx.textAlign = "right";
  for (const [i, label] of labels) {
    const last = data[i].findLastIndex((v) => v !== null);
    if (last < 0) continue;
    ctx.fillStyle = plot.series[i].stroke(plot, i);
    ctx.fillText(label, bbox.left + bbox.width - 4, plot.valToPos(data[i][last], "y", true) - 5 * devicePixelRatio);
  }
  ctx.restore();
}] } });

function words(told, store) {
  const parts = [];
  if (told.done !== undefined) parts.push(`step ${told.done} of ${told.done + told.left}`);
  const speed = store.value("Sim:Speed_RBV");
  if (told.running && told.left_s > 0) {
    parts.push(`${duration(told.left_s)} of measuring to go`);
    if (speed > 0 && speed !== 1) parts.push(`${duration(told.left_s / speed)} at ${figure(speed, 0)}×`);
  }
  if (!told.running) parts.push("run ended");
  if (told.highest_mhz) parts.push(`highest excess ${figure(told.highest, 2)} σ at ${figure(told.highest_mhz, 4)} MHz`);
  if (told.median) parts.push(`excludes ${figure(told.median, 2)}×10⁻¹⁵/GeV`);
  if (told.running && told.reach) parts.push(`will exclude ${figure(told.reach, 2)}`);
  if (told.refused) parts.push(`${told.refused} spectra or records not used`);
  return parts.join(" · ");
}

export function search(store) {
  const title = element("h2", {}, "Search");
  const text = element("p", { id: "searching" }, "No search in the catalog yet.");
  const done = element("progress", { max: 1, value: 0, "aria-label": "Steps done", hidden: true });
  const threshold = () => store.get("Measured:HighestExcess")?.high;
  const grand = new Plot("Grand spectrum, σ", () => ({
    scales: { x: { time: false } }, axes: axes("MHz", "σ"),
    bands: [{ series: [1, 2], fill: colour("--line-0") }],
    series: [{}, line("highest", lineColour(0)), line("lowest", lineColour(0)), line("rescan", colour("--major"), { dash: [6, 4] })],
    ...ends([[3, "scanned again above"]]),
  }));
  const limit = new Plot("Excluded |g| against the models, 10⁻¹⁵/GeV", () => ({
    scales: { x: { time: false }, y: { distr: 3 } }, axes: axes("MHz", "10⁻¹⁵/GeV"),
    series: [{}, line("limit", lineColour(0), { width: 2 }), line("KSVZ", lineColour(1), { dash: [6, 4] }), line("DFSZ", lineColour(2), { dash: [6, 4] })],
    ...ends([[1, "limit"], [2, "KSVZ"], [3, "DFSZ"]]),
  }));
  const show = (told) => {
    title.textContent = `Search: ${told.name.startsWith("campaign ") ? told.name : `${told.plan} ${told.run}`}`;
    text.textContent = words(told, store);
    done.hidden = told.done === undefined;
    if (told.done !== undefined) done.value = told.done / Math.max(1, told.done + told.left);
    if (!told.mhz) return;
    const high = threshold();
    grand.show([told.mhz, told.top, told.low, told.mhz.map(() => high ?? null)]);
    limit.show([told.mhz, told.limit, told.ksvz, told.dfsz]);
  };
  let seen = null;
  store.listen(() => { if (store.search !== seen) show((seen = store.search)); });
  const section = element("section", { class: "wide", id: "search" },
    element("div", { class: "head" }, title, done), text,
    element("div", { class: "charts two" }, grand.node, limit.node));
  const again = () => { grand.show(); limit.show(); };
  document.addEventListener("themechange", again);
  let width = 0;
  new ResizeObserver(() => {
    if (section.clientWidth !== width) { width = section.clientWidth; again(); }
  }).observe(section);
  return section;
}
