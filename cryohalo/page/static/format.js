// How a value is written: the precision, units and states that its IOC tells.

const UNITS = { uW: "µW", uA: "µA", "mm^3/s": "mm³/s", deg: "°", sigma: "σ", "f/GeV": "×10⁻¹⁵/GeV" };
const SIGNS = ["", " ▲", " ■", " ?", ""];
export const SEVERITIES = ["", "minor", "major", "invalid", "lost"];

export const unit = (text) => UNITS[text] ?? text ?? "";

/** A number with `decimals`; a minus sign that is one; nothing that merely looks precise. */
export function figure(value, decimals) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const large = Math.abs(value) >= 1e7 || (value !== 0 && Math.abs(value) < 1e-9);
  const text = large ? value.toExponential(3) : value.toFixed(Math.min(decimals, 9));
  return text.replace(/^-(?=0*\.?0*$)/, "").replace("-", "−");
}

/** The value of a variable as text. `how`: {scale, units, digits} where the drawing asks for others, and a word for zero. */
export function shown(pv, how = {}) {
  if (!pv || pv.value === undefined) return "…";
  if (pv.value === null) return pv.severity === 4 ? "lost" : pv.kind === "text" ? "" : "–";
  if (pv.kind === "state") return pv.states?.[pv.value] ?? String(pv.value);
  if (pv.kind === "text") return pv.value;
  if (pv.kind === "array") return `${pv.value.length} points`;
  if (pv.value === 0 && how.zero) return how.zero;
  const decimals = how.digits ?? pv.prec ?? 0;
  const units = how.units ?? unit(pv.units);
  const space = units && units !== "°" ? " " : "";
  return `${figure(pv.value * (how.scale ?? 1), decimals)}${space}${units}`;
}

/** The same with the sign of its alarm, which must be seen without colours too. */
export const signed = (pv, how) => shown(pv, how) + (SIGNS[pv.severity] ?? "");

export const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString("en-GB");

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.round(seconds);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${(s / 3600).toFixed(1)} h`;
  return `${(s / 86400).toFixed(1)} d`;
}

/** An element with text, never markup: what PVs hold is somebody else's. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}
