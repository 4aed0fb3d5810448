// The refrigerator's drawing: flow, fields, profiles, the phase of the cycle.

import { commonTroubles } from "./banner.js";
import { heatColour, svg } from "./drawing.js";
import { shown } from "./format.js";
import { start } from "./page.js";

const MAGNETS = ["PumpA", "PumpB", "RegenA", "RegenB"];
const COLDEST_K = 0.5, WARMEST_K = 1.8;
const STRIPES = 20;
/** Below this the fluid stands, mm³/s. */
const STILL = 1;
const RING = { x: 270, y: 264, width: 360, height: 26 };
const PHASES = ["Flow A to B", "No flow 1", "Flow B to A", "No flow 2"];

const byId = (id) => document.getElementById(id);

function stripes(group, x) {
  for (let i = 0; i < STRIPES; i += 1) {
    byId(group).append(svg("rect", { x, y: 262 + 7 * i, width: 80, height: 7.3 }));
  }
}

/** A regenerator from its hot end (above) to its cold end. */
function profile(store, side) {
  const temperatures = store.value(`Regen${side}:TempProfile_RBV`);
  if (!temperatures?.length) return;
  [...byId(`profile${side}`).children].forEach((stripe, i) => {
    const at = Math.round((i / (STRIPES - 1)) * (temperatures.length - 1));
    stripe.setAttribute("fill", heatColour(temperatures[at], COLDEST_K, WARMEST_K));
  });
}

function coils(store) {
  for (const name of MAGNETS) {
    const field = store.get(`${name}:Field_RBV`);
    const highest = field?.display?.[1] ?? 1.6;
    const opacity = Math.min(1, 0.05 + 0.95 * Math.abs((field?.value ?? 0) / highest));
    const quench = store.state(`${name}:Quench_RBV`) === "Yes";
    for (const coil of byId(name).children) {
      coil.style.fillOpacity = quench ? 0.9 : opacity;
      coil.classList.toggle("quench", quench);
    }
  }
}

function flow(store) {
  const rate = store.value("Flow:Rate_RBV") ?? 0;
  const moving = Math.abs(rate) > STILL;
  byId("flow").classList.toggle("on", moving);
  byId("flow").classList.toggle("back", rate < 0);
  byId("arrow-right").style.visibility = moving && rate > 0 ? "visible" : "hidden";
  byId("arrow-left").style.visibility = moving && rate < 0 ? "visible" : "hidden";
}

function ring(store) {
  const flowTime = store.value("Cycle:FlowTime") ?? 80, hold = store.value("Cycle:HoldTime") ?? 10;
  const times = [flowTime, hold, flowTime, hold];
  const whole = times.reduce((a, b) => a + b, 0);
  const now = PHASES.indexOf(store.state("Cycle:Phase_RBV"));
  const group = byId("ring");
  const parts = [];
  let x = RING.x;
  times.forEach((time, i) => {
    const width = (time / whole) * RING.width;
    parts.push(svg("rect", {
      x, y: RING.y, width, height: RING.height, class: i === now ? "seg now" : "seg" }));
    if (i === now) {
      const done = Math.min(1, (store.value("Cycle:PhaseTime_RBV") ?? 0) / time);
      parts.push(svg("rect", { x, y: RING.y, width: width * done, height: RING.height, class: "bar" }));
    }
    x += width;
  });
  group.replaceChildren(...parts);
  const phase = now < 0 ? store.state("Cycle:State_RBV") : PHASES[now].replace(" to ", " → ").replace(/ [12]$/, "");
  byId("phase").textContent = phase;
}

function helium(store) {
  const level = Math.min(100, Math.max(0, store.value("Stage:HeLevel_RBV") ?? 0)) / 100;
  byId("helium").setAttribute("height", 95 * level);
  byId("helium").setAttribute("y", 177 - 95 * level);
  byId("transfer").textContent = store.state("Stage:HeTransfer") === "On" ? "transfer" : "";
}

function draw(store) {
  coils(store);
  flow(store);
  profile(store, "A");
  profile(store, "B");
  ring(store);
  helium(store);
}

function summary(store) {
  const cycle = store.state("Cycle:State_RBV") || "…";
  const cold = shown(store.get("CHX:Temp_RBV"), { digits: 3 });
  const load = shown(store.get("CHX:HeaterPower_RBV"), { digits: 0 });
  const helium = shown(store.get("Stage:HeLevel_RBV"), { digits: 0 });
  return `${cycle} · CHX ${cold} at ${load} · helium ${helium}`;
}

function troubles(store) {
  const lines = commonTroubles(store, MAGNETS);
  const blocked = store.value("Cycle:Blocked_RBV");
  if (blocked && store.state("Cycle:State_RBV") === "Blocked") lines.push({ what: `Cycle blocked: ${blocked}` });
  return lines;
}

stripes("profileB", 110);
stripes("profileA", 710);
await start({
  tiles: [
    ["Cycle", "Cycle:State_RBV"], ["Finished cycles", "Cycle:Count_RBV"],
    ["CHX, mean of the last", "Cycle:MeanCHXTemp_RBV"], ["lowest", "Cycle:MinCHXTemp_RBV"],
    ["highest", "Cycle:MaxCHXTemp_RBV"], ["Load, mean of the last", "Cycle:MeanCHXPower_RBV", { digits: 1 }],
    ["CHX heater", "CHX:Mode"], ["Stage", "Stage:Temp_RBV"],
    ["Speed", "Sim:Speed_RBV", { units: "×", digits: 0, zero: "as fast as it goes" }], ["Simulated time", "Sim:Time_RBV", { digits: 0 }],
  ],
  summary, troubles, draw, begin: 0.5,
});
