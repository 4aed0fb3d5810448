// What is in alarm, the worst first, and what was and nobody has acknowledged yet.

import { ask, post, token } from "./asking.js";
import { SEVERITIES, clock, element, shown } from "./format.js";

const WHO = "cryohalo-who";
const MICRO = 1e6;

/** The section: variables that are in alarm now, and lines of the log of alarms, where there is one. */
export function alarms(store, about) {
  const list = element("ul");
  const note = element("small", { id: "acknowledged", role: "status" });
  const all = element("button", { id: "acknowledge-all", hidden: true }, "Acknowledge all");
  const node = element("section", { id: "alarms" },
    element("div", { class: "head" }, element("h2", {}, "Alarms"), all), list, note);
  const say = (text) => { note.textContent = text; };
  all.addEventListener("click", () => acknowledge(about, [...unseen(store).values()], say));
  let told = "";
  store.listen(() => {
    const standing = [...store.pvs.values()].filter((pv) => pv.severity >= 1 && pv.severity <= 3);
    const known = store.lost < store.pvs.size;
    const log = new Map((store.alarms?.alarms ?? []).map((one) => [one.name, one]));
    const rest = store.alarms?.more ? `and ${store.alarms.more} more` : store.alarms?.error ?? "";
    const key = JSON.stringify([known, rest, standing.map((pv) => [pv.name, pv.severity, shown(pv)]), [...log.values()]]);
    if (key === told) return;
    told = key;
    all.hidden = !unseen(store).size;
    const now = new Set(standing.map((pv) => pv.name));
    const rows = [
      ...standing.map((pv) => ({ pv, name: pv.name, severity: pv.severity, one: log.get(pv.name) })),
      ...[...log.values()].filter((one) => !now.has(one.name))
        .map((one) => ({ pv: store.get(one.name), name: one.name, severity: one.severity, one })),
    ].sort((a, b) => b.severity - a.severity || a.name.localeCompare(b.name));
    list.replaceChildren(...(rows.length ? rows.map((row) => line(row, now.has(row.name), about, say)) : [
      element("li", { class: known && "none" }, known ? "No alarms" : "unknown: no value is known now"),
    ]), ...(rest ? [element("li", {}, element("small", {}, rest))] : []));
  });
  return node;
}

const unseen = (store) => new Map(
  (store.alarms?.alarms ?? []).filter((one) => one.unseen).map((one) => [one.name, one]));

/** A setpoint's WRITE alarm tells of a refused put, the readback of the machine. */
function line({ pv, name, severity, one }, stands, about, say) {
  const level = `sev-${severity}`;
  const word = SEVERITIES[severity];
  const button = element("button", { class: "ack", onclick: () => acknowledge(about, [one], say) }, "Acknowledge");
  const text = pv?.kind === "text";
  return element("li", { class: stands ? undefined : "cleared", "data-alarm": name },
    element("span", { class: level }, name.replace(/_RBV$/, "")),
    element("b", { class: level }, stands && !text ? shown(pv) : word),
    element("small", {}, [pv?.desc, ...words(pv, one, stands, word)].filter(Boolean).join(", ")),
    ...(stands && text ? [element("small", {}, pv.value)] : []),
    ...(one?.unseen ? [button] : []));
}

/** When it began and ended, and whether somebody has seen it. */
function* words(pv, one, stands, word) {
  const since = one ? one.began_us / MICRO : pv.since;
  yield `${stands ? `${word} ` : ""}${since ? `since ${clock(since)}` : ""}`.trim();
  if (!one) return;
  if (one.ended_us !== null) yield `cleared ${clock(one.ended_us / MICRO)}`;
  if (one.unseen > 1) yield `${one.unseen} times`;
  yield one.unseen ? "not acknowledged" : `acknowledged by ${one.who}`;
}

async function acknowledge(about, which, say) {
  const who = element("input", { "aria-label": "Your name", autocomplete: "name", maxlength: "60", value: sessionStorage.getItem(WHO) ?? "" });
  const what = which.length === 1 ? which[0].name : `${which.length} alarms`;
  const lines = [element("p", {}, "Who says to have seen it? The name goes into the log of alarms; nothing is set."), who];
  if (!(await ask(`Acknowledge ${what}?`, lines, "Acknowledge"))) return;
  const name = who.value.trim();
  if (!name) return say("Nothing is acknowledged without a name.");
  sessionStorage.setItem(WHO, name);
  const seen = which.map((one) => [one.name, one.newest, one.severity]);
  const { told } = await post(about.instrument, "acknowledge", token(), { alarms: seen, who: name });
  say(told.error ?? told.done);
}
