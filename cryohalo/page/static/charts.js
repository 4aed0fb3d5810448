// Strip charts: the last minutes live, longer windows as the server keeps them.

import { clock, element, unit } from "./format.js";

const LIVE_S = 300, HOUR_S = 3600, DAY_S = 86400;
/** How often a window that is not live is fetched again, ms. */
const AGAIN_MS = { [HOUR_S]: 10_000, [DAY_S]: 60_000 };
const HEIGHT = 150;

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const plain = (plot, ticks) => ticks.map((tick) => tick === null ? "" : String(Number(tick.toPrecision(10))).replace("-", "−"));

/** Hours and minutes; seconds where ticks are closer. */
const hours = (plot, ticks) => ticks.map((tick) => clock(tick).slice(0, ticks.length > 1 && ticks[1] - ticks[0] < 60 ? 8 : 5));

/** As wide as the longest of an ordinate's numbers. */
const wide = (plot, ticks) => 24 + 7 * Math.max(4, ...(ticks ?? []).map((text) => text.length));

/** Axes in the colours of the theme; `labels` are those of abscissa and ordinate, "" for one of time. */
export function axes(...labels) {
  return labels.map((label, i) => ({
    label: label || undefined, labelSize: i ? 18 : 16, size: i ? wide : 26, stroke: colour("--faint"),
    values: i || label ? plain : hours, space: i ? 24 : 70,
    labelFont: "12px system-ui", font: "11px system-ui",
    grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 },
  }));
}

export const lineColour = (index) => colour(`--line-${index % 4}`);

/** What stands beside a line: the shortest part of the name that tells it from the others. */
function short(name, names) {
  const trimmed = (one) => one.replace("_RBV", "").replace("Measured:", "").replace("Fridge:", "");
  const [device, signal] = trimmed(name).split(":");
  if (!signal) return device;
  const same = names.every((one) => trimmed(one).split(":")[1] === signal);
  const sensible = signal.replace("ColdEndTemp", "cold end").replace(/^Temp$/, "");
  return same || !sensible ? device : `${device} ${sensible}`;
}

class Strip {
  constructor(store, chart) {
    Object.assign(this, { store, names: chart.names, plot: null, seconds: LIVE_S });
    this.data = [[], ...chart.names.map(() => [])];
    this.keys = element("div", { class: "keys" });
    this.box = element("div");
    this.node = element("div", { class: "chart" }, element("h3", {}, chart.title), this.keys, this.box);
  }

  /** Made anew for another theme, width, or once units are known. */
  build() {
    this.plot?.destroy();
    const units = unit(this.store.get(this.names[0])?.units);
    this.units = units;
    this.plot = new uPlot({
      width: Math.max(200, this.box.clientWidth), height: HEIGHT, legend: { show: false },
      cursor: { drag: { x: false, y: false } }, axes: axes("", units || " "),
      scales: { x: { time: true, range: (plot, low, high) => [high - this.seconds, high] } },
      series: [{}, ...this.names.map((name, i) => ({
        label: name, stroke: lineColour(i), width: 1.6, points: { show: false }, spanGaps: false }))],
    }, this.data, this.box);
    this.keys.replaceChildren(...this.names.map((name, i) => {
      const key = element("span", {}, short(name, this.names));
      key.style.setProperty("--key", lineColour(i));
      return key;
    }));
  }

  show() {
    if (!this.plot || this.units !== unit(this.store.get(this.names[0])?.units)) this.build();
    else this.plot.setData(this.data);
  }

  append(time, oldest) {
    const [times] = this.data;
    times.push(time);
    this.names.forEach((name, i) => {
      const pv = this.store.get(name);
      this.data[i + 1].push(pv && pv.severity !== 4 ? pv.value : null);
    });
    let drop = 0;
    while (drop < times.length && times[drop] < oldest) drop += 1;
    if (drop > 50) for (const column of this.data) column.splice(0, drop);
  }

  take(told) {
    this.data = [told.t, ...this.names.map((name) => told.v[name] ?? told.t.map(() => null))];
  }
}

export function charts(store, about) {
  const strips = about.charts.map((chart) => new Strip(store, chart));
  const note = element("small");
  let seconds = LIVE_S, timer = 0, drawn = 0;
  const fetchAll = async () => {
    const answer = await fetch(`/api/${about.instrument}/strips?seconds=${seconds}`);
    if (!answer.ok) return;
    const told = await answer.json();
    for (const strip of strips) {
      strip.seconds = seconds;
      strip.take(told);
      strip.show();
    }
    note.textContent = told.error || (seconds > HOUR_S && told.source === "page" ? "no history server: the last hour" : "");
  };
  const choose = (chosen) => {
    seconds = chosen;
    clearInterval(timer);
    if (AGAIN_MS[seconds]) timer = setInterval(() => { if (!document.hidden) fetchAll(); }, AGAIN_MS[seconds]);
    for (const button of buttons) button.setAttribute("aria-pressed", Number(button.dataset.seconds) === seconds);
    fetchAll();
  };
  const windows = [["5 min", LIVE_S], ["1 h", HOUR_S], ...(about.history ? [["24 h", DAY_S]] : [])];
  const buttons = windows.map(([label, value]) => element("button", {
    "data-seconds": value, "aria-pressed": value === seconds, onclick: () => choose(value) }, label));
  const section = element("section", { class: "wide", id: "charts" },
    element("div", { class: "head" }, element("h2", {}, "Charts"), note, element("div", {}, ...buttons)),
    element("div", { class: "charts" }, ...strips.map((strip) => strip.node)));
  store.listen((changed) => {
    if (seconds !== LIVE_S || !store.connected || !store.time) return;
    for (const strip of strips) strip.append(store.time, store.time - LIVE_S);
    // A pixel is a second: drawing more often shows nothing more.
    if (document.hidden || store.time - drawn < 1) return;
    drawn = store.time;
    for (const strip of strips) strip.show();
  });
  const rebuild = () => { for (const strip of strips) strip.build(); };
  document.addEventListener("themechange", rebuild);
  let width = 0;
  new ResizeObserver(() => {
    if (section.clientWidth !== width) { width = section.clientWidth; rebuild(); }
  }).observe(section);
  // Only while its times rise: what came before the first frame is fetched, the rest appended.
  fetchAll();
  return section;
}
