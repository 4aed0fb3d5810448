// The newest value of every variable, from the frames of the server.

export class Store {
  constructor(instrument, advice) {
    this.instrument = instrument;
    this.advice = advice;
    this.pvs = new Map();
    this.listeners = [];
    this.connected = false;
    this.lost = 0;
    this.time = 0;
    this.frames = 0;
    this.search = null;
    this.queue = null;
    this.alarms = null;
  }

  get(name) { return this.pvs.get(name); }
  value(name) { return this.pvs.get(name)?.value ?? null; }
  state(name) { const pv = this.pvs.get(name); return pv?.states?.[pv.value] ?? ""; }
  /** Called with the set of changed names, at each frame; with an empty set when the link changes. */
  listen(act) { this.listeners.push(act); }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/${this.instrument}`);
    let heard = Date.now();
    socket.onmessage = (event) => { heard = Date.now(); this.take(JSON.parse(event.data)); };
    // A server that hangs keeps its connection: frames come at 5 Hz, also empty ones.
    const watch = setInterval(() => { if (Date.now() - heard > 4000) socket.close(); }, 1000);
    socket.onclose = () => {
      clearInterval(watch);
      this.connected = false;
      this.tell(new Set());
      setTimeout(() => this.open(), 1000);
    };
  }

  take(frame) {
    this.connected = true;
    this.frames += 1;
    this.time = frame.t;
    this.lost = frame.lost;
    if (frame.search) this.search = frame.search;
    if (frame.queue) this.queue = frame.queue;
    if (frame.alarms) this.alarms = frame.alarms;
    for (const [name, told] of Object.entries(frame.pvs ?? {})) {
      const { value, severity, time, since, changed } = this.pvs.get(name) ?? {};
      this.pvs.set(name, { ...told, name, value, severity, time, since, changed });
    }
    for (const [name, [value, severity, time]] of Object.entries(frame.v)) {
      const pv = this.pvs.get(name);
      if (!pv) continue;
      // Since when it is in this state, as far as this page has seen it begin.
      if (severity !== pv.severity) pv.since = pv.severity === undefined ? undefined : this.time;
      // When it changed, by the server's clock: an IOC on another host has a clock of its own.
      if (value !== pv.value) pv.changed = this.time;
      Object.assign(pv, { value, severity, time });
    }
    this.tell(new Set([...Object.keys(frame.v), ...Object.keys(frame.pvs ?? {})]));
  }

  tell(changed) { for (const act of this.listeners) act(changed); }
}
