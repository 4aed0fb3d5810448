// The banner: lost, interlocked, quenched, blocked, with what to do.

import { clock, element } from "./format.js";

export function banner(store, node, troubles) {
  let told = "";
  store.listen(() => {
    const lines = store.connected ? standing(store, troubles) : [{
      lost: true, what: `No link to the page's server since ${store.time ? clock(store.time) : "the start"}`,
      todo: "What is shown is the last known state. The page tries again each second.",
    }];
    const key = JSON.stringify(lines);
    if (key === told) return;
    told = key;
    document.body.classList.toggle("gone", lines.some((line) => line.lost));
    node.hidden = lines.length === 0;
    node.classList.toggle("lost", lines.some((line) => line.lost));
    node.classList.toggle("mild", lines.every((line) => line.mild));
    node.replaceChildren(...lines.flatMap(({ what, todo }) => [
      element("p", {}, what), ...(todo ? [element("p", { class: "todo" }, todo)] : []),
    ]));
  });
}

/** Of a lost IOC nothing else is known. */
function standing(store, troubles) {
  const lost = gone(store);
  return lost.some((line) => line.lost) ? lost : [...lost, ...troubles(store)];
}

/** An IOC of which all or part does not answer, or whose heartbeat stands still. */
function gone(store) {
  const all = store.pvs.size;
  const beat = store.get("IOC:HEARTBEAT");
  if (!all) return [];
  if (store.lost === all) {
    const since = Math.max(...[...store.pvs.values()].map((pv) => pv.time ?? 0));
    return [{
      lost: true, what: `IOC LOST${since ? ` since ${clock(since)}` : ": it has not answered yet"}`,
      todo: "Values are the last known ones. Plans are held until it is back; the page finds it by itself.",
    }];
  }
  const lines = [];
  if (store.lost) {
    const names = [...store.pvs.values()].filter((pv) => pv.severity === 4).map((pv) => pv.name).slice(0, 5);
    lines.push({ mild: true, what: `${store.lost} of ${all} variables do not answer: ${names.join(", ")}${store.lost > 5 ? " …" : ""}` });
  }
  if (beat?.severity === 0 && store.time - beat.changed > 10) {
    lines.push({
      lost: true, what: `IOC HANGS: its heartbeat stands still since ${clock(beat.changed)}`,
      todo: "Values are the last known ones.",
    });
  }
  return lines;
}

/** Interlocks, quenches and the simulation's own troubles, the same on both instruments. */
export function commonTroubles(store, magnets) {
  const lines = [];
  const text = (name) => store.get(name)?.severity === 4 ? "" : store.value(name) || "";
  const reason = text("Interlock:Reason_RBV");
  const quenched = magnets.filter((name) => store.state(`${name}:Quench_RBV`) === "Yes");
  if (quenched.length) {
    lines.push({
      what: `QUENCH: ${quenched.join(", ")}`,
      todo: `Wait until the windings are cold, then reset ${quenched.map((name) => `${name}:QuenchReset`).join(", ")}.`,
    });
  }
  if (reason || store.state("Interlock:Active_RBV") === "Yes") {
    lines.push({
      what: `INTERLOCK: ${reason || "active"}. Plans are held.`,
      todo: advice(store, reason, quenched.length > 0),
    });
  }
  if (text("Sim:Error_RBV")) lines.push({ what: `Simulation stopped: ${text("Sim:Error_RBV")}` });
  return lines;
}

/** What the server has from the table that the docs are made of. */
function advice({ advice: { named, otherwise, afterwards } }, reason, quenched) {
  const steps = named.filter(([what]) => reason.includes(what)).map(([, todo]) => todo);
  if (!quenched && !steps.length) steps.push(otherwise);
  return [...steps, afterwards].join(" ");
}
