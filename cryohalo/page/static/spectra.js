// The digitizer's spectrum and its waterfall, and the network analyser's trace.

import { axes, lineColour } from "./charts.js";
import { element, figure } from "./format.js";

const ROWS = 120;
const HEIGHT = 190;

const sorted = (values) => values.filter((v) => v !== null).sort((a, b) => a - b);
const quantile = (ordered, share) => ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))];

class Trace {
  constructor(title, ordinate) {
    Object.assign(this, { ordinate, plot: null, data: [[], []] });
    this.note = element("small");
    this.box = element("div");
    this.node = element("div", { class: "chart" },
      element("div", { class: "head" }, element("h3", {}, title), this.note), this.box);
  }

  build() {
    this.plot?.destroy();
    this.plot = new uPlot({
      width: Math.max(200, this.box.clientWidth), height: HEIGHT, legend: { show: false },
      cursor: { drag: { x: false, y: false } }, scales: { x: { time: false } }, axes: axes("MHz", this.ordinate),
      series: [{}, { stroke: lineColour(0), width: 1.2, points: { show: false } }],
    }, this.data, this.box);
  }

  show(data) {
    this.data = data;
    if (this.plot) this.plot.setData(data);
    else this.build();
  }
}

/** Each row a spectrum over its smooth part, the newest above; the server keeps the last ones. */
class Waterfall {
  constructor(store) {
    Object.assign(this, { store, count: 0, asking: false });
    this.canvas = element("canvas", { class: "waterfall", width: 500, height: ROWS });
    this.paint = this.canvas.getContext("2d");
    this.note = element("small");
    this.below = element("div", { class: "head below" }, element("small"), element("small", {}, "from the centre"), element("small"));
    this.node = element("div", { class: "chart" },
      element("div", { class: "head" }, element("h3", {}, "Waterfall, newest above"), this.note), this.canvas, this.below);
  }

  async update() {
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await fetch(`/api/${this.store.instrument}/waterfall?since=${this.count}`);
      if (!answer.ok) return;
      const { count, rows, sigma } = await answer.json();
      if (count < this.count) this.paint.clearRect(0, 0, this.canvas.width, ROWS); // another server
      this.count = count;
      for (const row of rows) this.add(Uint8Array.from(atob(row), (c) => c.charCodeAt(0)));
      this.note.textContent = `dark ${figure(sigma[0], 0)} σ, bright ${figure(sigma[1], 0)} σ`;
      const half = (this.store.value("DAQ:Span_RBV") ?? 0) / 2;
      this.below.firstChild.textContent = `−${figure(half, 2)} MHz`;
      this.below.lastChild.textContent = `+${figure(half, 2)} MHz`;
    } finally {
      this.asking = false;
    }
  }

  add(levels) {
    const { width } = this.canvas;
    this.paint.drawImage(this.canvas, 0, 1);
    const row = this.paint.createImageData(width, 1);
    for (let x = 0; x < width; x += 1) {
      const share = levels[Math.floor((x * levels.length) / width)] / 255;
      row.data.set([255 * Math.min(1, 1.6 * share), 255 * share * share, 90 + 240 * share * (1 - share), 255], 4 * x);
    }
    this.paint.putImageData(row, 0, 0);
  }
}

export function spectra(store) {
  const spectrum = new Trace("Spectrum", "dB over median");
  const trace = new Trace("Analyser's trace", "dB");
  const fall = new Waterfall(store);
  const drawSpectrum = () => {
    const values = store.value("DAQ:Preview_RBV");
    if (!values?.length) return;
    const middle = quantile(sorted([...values]), 0.5);
    const start = store.value("DAQ:FrequencyStart_RBV") ?? 0;
    const step = ((store.value("DAQ:Span_RBV") ?? values.length) / values.length);
    spectrum.show([values.map((_, i) => start + (i + 0.5) * step), values.map((v) => (v > 0 ? 10 * Math.log10(v / middle) : null))]);
    spectrum.note.textContent = `median ${figure(middle, 3)} W per bin`;
    fall.update();
  };
  const drawTrace = () => {
    const level = store.value("VNA:Magnitude_RBV"), frequency = store.value("VNA:Frequency_RBV");
    if (!level?.length || level.length !== frequency?.length) return;
    trace.show([frequency, level]);
    trace.note.textContent = store.state("VNA:Path_RBV").toLowerCase();
  };
  store.listen((changed) => {
    if (changed.has("DAQ:Preview_RBV") || changed.has("DAQ:Counter_RBV")) drawSpectrum();
    if (changed.has("VNA:Magnitude_RBV") || changed.has("VNA:Frequency_RBV")) drawTrace();
  });
  const section = element("section", { class: "wide", id: "spectra" }, element("h2", {}, "Spectra"),
    element("div", { class: "charts" }, spectrum.node, fall.node, trace.node));
  const rebuild = () => { for (const one of [spectrum, trace]) one.build(); };
  document.addEventListener("themechange", rebuild);
  let width = 0;
  new ResizeObserver(() => {
    if (section.clientWidth !== width) { width = section.clientWidth; rebuild(); }
  }).observe(section);
  return section;
}
