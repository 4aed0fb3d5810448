// Controls: read-only until the token is given, each change confirmed, refusals in the IOC's words.

import { ask, forgetToken, keepToken, post, token } from "./asking.js";
import { element, figure, shown, unit } from "./format.js";

class Controls {
  constructor(store, about) {
    Object.assign(this, { store, about, rows: [] });
    this.token = token();
    this.told = element("div", { id: "told", role: "status" });
    this.lock = element("button", { id: "lock", onclick: () => this.turn() });
    const groups = Object.entries(about.controls).map(([title, names]) => element(
      "fieldset", {}, element("legend", {}, title), ...names.map((name) => this.row(name))));
    this.node = element("section", { class: "wide", id: "controls" },
      element("div", { class: "head" }, element("h2", {}, "Controls"), this.told, this.lock),
      element("div", { class: "controls" }, ...groups));
    store.listen((changed) => this.update(changed));
    this.enable();
  }

  row(name) {
    const label = element("label", { for: `set-${name}` }, name);
    const node = element("div", { class: "control" }, label);
    this.rows.push({ name, node, label, entry: null, button: null, note: element("small") });
    return node;
  }

  /** The entry that fits, once it is known what the variable is. */
  fill(row, pv) {
    const immediate = this.about.stops.includes(row.name);
    const label = pv.desc;
    row.label.textContent = label;
    row.button = element("button", { onclick: () => this.set(row) }, pv.momentary ? (immediate ? "Stop" : "Do") : "Set");
    if (!pv.momentary) {
      row.entry = pv.kind === "state"
        ? element("select", { id: `set-${row.name}` }, ...pv.states.map((state) => element("option", {}, state)))
        : element("input", { id: `set-${row.name}`, inputmode: "decimal", autocomplete: "off" });
      row.entry.addEventListener("keydown", (event) => { if (event.key === "Enter") this.set(row); });
    }
    if (pv.kind === "state" && row.entry) row.entry.value = pv.states[pv.value] ?? "";
    if (pv.momentary) row.note.textContent = row.name;
    row.node.append(row.entry ?? element("span"), row.button, row.note);
    this.enable();
  }

  update(changed) {
    for (const row of this.rows) {
      if (!changed.has(row.name)) continue;
      const pv = this.store.get(row.name);
      const ready = pv.kind !== "state" || pv.states;
      if (!row.button && ready && pv.value !== undefined) this.fill(row, pv);
      if (!row.button || pv.momentary) continue;
      const limits = pv.control ? `, ${pv.control.map((edge) => figure(edge, pv.prec ?? 0)).join(" to ")} ${unit(pv.units)}` : "";
      const note = `${row.name}: now ${shown(pv)}${limits}`;
      if (row.note.textContent !== note) row.note.textContent = note;
    }
  }

  enable() {
    const open = this.token !== "" && this.about.settable;
    this.lock.textContent = !this.about.settable ? "Read-only" : open ? "Lock" : "Unlock";
    this.lock.disabled = !this.about.settable;
    if (!this.told.textContent) this.told.textContent = open ? "" : "This page is read-only.";
    document.body.classList.toggle("open", open);
    for (const { entry, button } of this.rows) for (const one of [entry, button]) if (one) one.disabled = !open;
  }

  say(text, error) {
    this.told.textContent = text;
    this.told.classList.toggle("error", Boolean(error));
  }

  async turn() {
    if (this.token) return this.forget("Locked: this page is read-only.");
    const entry = element("input", { type: "password", autocomplete: "off", "aria-label": "Token" });
    const lines = [element("p", {}, "The token stands in the file that the server named when it started."), entry];
    if (!(await ask("Unlock the controls", lines, "Unlock"))) return undefined;
    const { ok, told } = await post(this.about.instrument, "put", entry.value.trim());
    if (!ok) return this.forget(told.error === "this page is read-only without the token" ? "That is not the token." : told.error, true);
    this.token = entry.value.trim();
    keepToken(this.token);
    this.say("Unlocked in this window.");
    return this.enable();
  }

  forget(text, error) {
    this.token = "";
    forgetToken();
    this.say(text, error);
    this.enable();
  }

  wanted(row, pv) {
    if (pv.momentary) return 1;
    if (pv.kind === "state") return row.entry.value;
    const text = row.entry.value.trim().replace(",", ".").replace("−", "-");
    return text === "" ? NaN : Number(text);
  }

  async set(row) {
    const pv = this.store.get(row.name);
    const value = this.wanted(row, pv);
    if (typeof value === "number" && !Number.isFinite(value)) return this.say(`${row.name}: “${row.entry.value}” is no number`, true);
    const units = unit(pv.units);
    const change = pv.momentary ? pv.desc : `from ${shown(pv)} to ${value}${units && ` ${units}`}`;
    if (!this.about.stops.includes(row.name)) {
      const lines = [element("p", {}, pv.desc), element("p", {}, element("b", {}, change))];
      if (!(await ask(`Set ${this.about.prefix}${row.name}?`, lines, pv.momentary ? "Do it" : "Set"))) return undefined;
    }
    const { ok, told } = await post(this.about.instrument, "put", this.token, { name: row.name, value });
    if (ok) return this.say(`${row.name}: ${pv.momentary ? "" : `${value}${units && ` ${units}`}, `}${told.done}`);
    if (told.error === "this page is read-only without the token") return this.forget("The token is no longer right.", true);
    return this.say(told.error, true);
  }
}

export const controls = (store, about) => new Controls(store, about).node;
