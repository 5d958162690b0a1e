// The instance's answers. What fails is told once, above the page.

import { say } from "./dom.js";

/** What is wrong with the connection, for the notice: "", "login" or "lost". */
export const connection = { trouble: "" };

/** An answer as JSON, or null where there is none. */
export async function ask(path) {
  try {
    const answer = await fetch(path, { headers: { accept: "application/json" } });
    connection.trouble = answer.status === 401 || answer.redirected ? "login" : "";
    return answer.ok && !answer.redirected ? await answer.json() : null;
  } catch {
    connection.trouble = "lost";
    return null;
  }
}

/** Gives an order, and says what came of it; the answer, or null. */
export async function order(path, done) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { accept: "application/json" } });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      say(typeof body.detail === "string" ? body.detail : `That did not work (${answer.status}).`);
      return null;
    }
    say(done);
    return body;
  } catch {
    connection.trouble = "lost";
    say("The instance does not answer.");
    return null;
  }
}
