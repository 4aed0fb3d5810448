// The queue of plans: what runs, what waits.

import { element } from "./format.js";

export function queue(store) {
  const text = element("p", { id: "queued" }, "…");
  const list = element("ol");
  store.listen(() => {
    const told = store.queue;
    if (!told) return;
    store.queue = null;
    if (told.error) {
      text.textContent = told.error;
      list.replaceChildren();
      return;
    }
    const doing = told.running ? `runs: ${told.running}` : told.state;
    text.textContent = `${doing} · ${told.count} waiting${told.stopping ? " · stops after this plan" : ""}`;
    list.replaceChildren(...told.waiting.map((words) => element("li", {}, words)));
  });
  return element("section", { class: "wide", id: "queue" }, element("h2", {}, "Queue"), text, list);
}
