// The haloscope's drawing: rod, antenna, switch, amplifier, digitizer.

import { commonTroubles } from "./banner.js";
import { shown } from "./format.js";
import { start } from "./page.js";
import { search } from "./search.js";
import { spectra } from "./spectra.js";

const CENTRE = { x: 189, y: 312 }, ORBIT = 48;
const LEVER = { Cavity: [430, 312], "Noise source": [470, 282], Open: [470, 342] };
const INPUTS = { Cavity: "in-cavity", "Noise source": "in-source", Open: "in-open" };

const byId = (id) => document.getElementById(id);

function rod(store) {
  const angle = ((store.value("Rod.RBV") ?? 0) * Math.PI) / 180;
  const x = CENTRE.x + ORBIT * Math.cos(angle), y = CENTRE.y - ORBIT * Math.sin(angle);
  byId("rod").setAttribute("cx", x);
  byId("rod").setAttribute("cy", y);
  byId("rod-arm").setAttribute("d", `M${CENTRE.x} ${CENTRE.y} L${x} ${y}`);
  const moving = ["Rod", "Antenna"].filter((axis) => store.value(`${axis}.MOVN`));
  byId("rod-moving").textContent = moving.length ? `${moving.join(" and ").toLowerCase()} moving` : "";
  byId("antenna").setAttribute("d", `M189 196 V${214 + 4 * (store.value("Antenna.RBV") ?? 0)}`);
}

function receiver(store) {
  const at = store.state("Switch_RBV");
  const [x, y] = LEVER[at] ?? LEVER.Open;
  byId("lever").setAttribute("d", `M${x} ${y} L510 312`);
  for (const [name, id] of Object.entries(INPUTS)) byId(id).classList.toggle("idle", name !== at);
  byId("pump").classList.toggle("on", store.state("JPA:Pump_RBV") === "On");
  const share = Math.min(100, Math.max(0, store.value("DAQ:Progress_RBV") ?? 0)) / 100;
  byId("progress").setAttribute("width", 200 * share);
  const busy = store.state("VNA:Acquire_RBV") === "Acquire";
  byId("vna").textContent = busy ? `${shown(store.get("VNA:Progress_RBV"), { digits: 0 })}` : "idle";
}

function magnet(store) {
  const field = store.get("Magnet:Field_RBV");
  const highest = field?.display?.[1] ?? 12;
  const quench = store.state("Magnet:Quench_RBV") === "Yes";
  for (const coil of byId("Magnet").children) {
    coil.style.fillOpacity = quench ? 0.9 : Math.min(1, 0.05 + 0.95 * Math.abs((field?.value ?? 0) / highest));
    coil.classList.toggle("quench", quench);
  }
}

function draw(store) {
  rod(store);
  receiver(store);
  magnet(store);
}

function summary(store) {
  const doing = store.state("DAQ:Acquire_RBV") === "Acquire"
    ? `Digitizing ${shown(store.get("DAQ:Progress_RBV"), { digits: 0 })}`
    : store.state("VNA:Acquire_RBV") === "Acquire" ? "Analyser sweeps"
      : store.value("Rod.MOVN") ? "Rod moves" : "";
  // Between two spectra nothing moves: a search that runs is not idle for that.
  const told = store.search;
  const step = told?.running && told.done !== undefined ? `Search at step ${told.done} of ${told.done + told.left}` : "";
  const now = [step, doing].filter(Boolean).join(" · ") || "Idle";
  const cold = shown(store.get("Fridge:MXC_RBV"), { scale: 1000, units: "mK", digits: 0 });
  const field = shown(store.get("Magnet:Field_RBV"), { digits: 1 });
  return `${now} · ${shown(store.get("Switch_RBV")).toLowerCase()} · ${field} · ${cold}`;
}

function troubles(store) {
  const lines = commonTroubles(store, ["Magnet"]);
  const why = store.value("JPA:Message_RBV");
  if (why) lines.push({ what: `Amplifier: ${why}` });
  return lines;
}

await start({
  tiles: [
    ["Excluded |g|", "Measured:LimitCoupling", { digits: 2 }],
    ["Highest excess", "Measured:HighestExcess"],
    ["Spectra taken", "DAQ:Counter_RBV"], ["Averages", "DAQ:NumAverages_RBV"],
    ["Spectrum takes", "DAQ:AcquireTime_RBV", { digits: 0 }],
    ["Next spectrum at", "DAQ:Center_RBV", { digits: 4 }],
    ["Magnet current", "Magnet:Current_RBV", { digits: 1 }],
    ["Blind", "Sim:Blind_RBV"],
    ["Speed", "Sim:Speed_RBV", { units: "×", digits: 0, zero: "as fast as it goes" }], ["Simulated time", "Sim:Time_RBV", { digits: 0 }],
  ],
  summary, troubles, draw, begin: 0, sections: [search, spectra],
});
