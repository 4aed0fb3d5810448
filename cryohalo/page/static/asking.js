// Asking whoever looks, and the server with the token: shared by controls and alarms.

import { element } from "./format.js";

const KEPT = "cryohalo-token";

/** The token that this window was unlocked with, "" for none. */
export const token = () => sessionStorage.getItem(KEPT) ?? "";
export const keepToken = (given) => sessionStorage.setItem(KEPT, given);
export const forgetToken = () => sessionStorage.removeItem(KEPT);

/** `what` is "put" or "acknowledge"; without a body only the token is tried. */
export async function post(instrument, what, given, body) {
  const answer = await fetch(`/api/${instrument}/${what}`, {
    method: "POST", body: body === undefined ? "" : JSON.stringify(body),
    headers: { Authorization: `Bearer ${given}`, "Content-Type": "application/json" },
  });
  const told = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  return { ok: answer.ok, told };
}

/** A dialog; resolves with true, or false when it was left. */
export function ask(title, lines, agree) {
  const dialog = element("dialog", { "aria-label": title },
    element("h2", {}, title), ...lines,
    element("div", { class: "ends" },
      element("button", { onclick: () => dialog.close("") }, "Cancel"),
      element("button", { class: "agree", onclick: () => dialog.close("yes") }, agree)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  });
}
