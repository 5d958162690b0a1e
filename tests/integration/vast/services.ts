/** What the services do for who has the login, as his browser asks for it: over HTTPS, through Caddy, by WebSocket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loggedIn, messages } from "../support/vast/browser.ts";
import { doors } from "../support/vast/container.ts";
import type { Proof } from "../support/vast/proof.ts";

export function serviceTests(proof: () => Proof, skip: string | false): void {
  test("Jupyter runs a cell, over HTTPS through Caddy", { skip }, async () => {
    const { instance } = await proof().shared();
    const browser = await loggedIn(instance.address, doors.jupyter, proof().token);
    assert.equal((await browser.visit("/lab")).status, 200);
    const started = await browser.send("/api/kernels", "POST", {});
    assert.equal(started.status, 201, started.text);
    const { id } = JSON.parse(started.text);
    const socket = browser.socket(`/api/kernels/${id}/channels?session_id=strata`);
    const header = {
      msg_id: "one",
      username: "",
      session: "strata",
      msg_type: "execute_request",
      version: "5.3",
    };
    const content = {
      code: "import os, sys; print(6 * 7, os.path.realpath(sys.prefix))",
      silent: false,
      store_history: false,
      user_expressions: {},
    };
    const request = { channel: "shell", header, parent_header: {}, metadata: {}, content };
    socket.addEventListener("open", () => socket.send(JSON.stringify(request)));
    const told = await messages(socket, (text) => JSON.parse(text).msg_type === "execute_reply");
    const printed = told.map((text) => JSON.parse(text)).find(({ msg_type }) => msg_type === "stream");
    // The user's notebooks see what the image has: they run in its environment, not in Jupyter's.
    assert.equal(printed?.content.text, "42 /opt/venv\n", told.join("\n"));
    await browser.send(`/api/kernels/${id}`, "DELETE");
  });

  test("ComfyUI runs a workflow and tells of it over its WebSocket, over HTTPS through Caddy", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const browser = await loggedIn(instance.address, doors.comfyui, proof().token);
    const colour = 0x204060;
    const prompt = {
      "1": { class_type: "EmptyImage", inputs: { width: 16, height: 12, batch_size: 1, color: colour } },
      "2": { class_type: "SaveImage", inputs: { images: ["1", 0], filename_prefix: "proof" } },
    };
    const socket = browser.socket("/ws?clientId=strata");
    const told = messages(socket, (text) => JSON.parse(text).type === "execution_success");
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const queued = await browser.send("/prompt", "POST", { prompt, client_id: "strata" });
    assert.equal(queued.status, 200, queued.text);
    assert.ok((await told).some((text) => JSON.parse(text).type === "executed"));
    const history = JSON.parse((await browser.send("/history")).text);
    const [image] = history[JSON.parse(queued.text).prompt_id].outputs["2"].images;
    assert.ok(await instance.holds("test", "-s", `/workspace/ComfyUI/output/${image.filename}`));
  });
}
