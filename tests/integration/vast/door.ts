/** What the door lets pass: nothing without the login, and with it all that the services can do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, Browser, messages } from "../support/vast/browser.ts";
import { doors, type Instance } from "../support/vast/container.ts";
import { type Proof, recorded } from "../support/vast/proof.ts";
import { openSocket, say, statuses } from "../support/vast/raw.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
const paths = [
  "/",
  "/api/kernels",
  "/lab",
  "/terminals/websocket/1",
  "/ws",
  "/prompt",
  "/system_stats",
  "/api/history",
  "/view?filename=a.png",
  "/get-applications",
  "/supervisor/processes",
  "/supervisor/process/comfyui/restart",
  "/download-logs",
  "/health",
  "/healthz",
  "/docs",
  "/openapi.json",
  "/static/",
  "/favicon.ico",
  "/robots.txt",
  "/data/plugins_listing",
  "/%2e%2e/etc/passwd",
  "//",
  "/?token=",
  "/?token=wrong",
];

export function doorTests(proof: () => Proof, skip: string | false): void {
  test("without the login every port, path and method is answered by the door", { skip }, async () => {
    const { instance } = await proof().shared();
    for (const port of [...Object.values(doors), recorded.guarded]) {
      for (const path of paths) for (const method of methods) await isShut(instance, port, path, method);
    }
  });

  test("a browser without the login is shown the login page, on every port", { skip }, async () => {
    const { instance } = await proof().shared();
    for (const port of Object.values(doors)) {
      const page = await new Browser(`https://${instance.address}:${port}`).visit("/");
      assert.equal(page.status, 401, String(port));
      assert.match(page.text, /<form[^>]*method="?post/i);
      assert.match(page.text, /<input[^>]*type="?password/i);
    }
  });

  test("a WebSocket without the login is refused", { skip }, async () => {
    const { instance } = await proof().shared();
    for (const [port, path] of [
      [doors.comfyui, "/ws"],
      [doors.jupyter, "/terminals/websocket/1"],
      [doors.instance_portal, "/ws-logs"],
    ] as const) {
      const door = { address: instance.address, port, tls: true };
      const upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
      const answer = await say(
        door,
        `GET ${path} HTTP/1.1\r\nHost: ${instance.address}:${port}\r\n${upgrade}\r\n`,
      );
      assert.deepEqual(statuses(answer), [401], answer);
    }
  });

  test("each of the login's ways opens every port, and what is nearly right opens none", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const { token, password } = proof();
    const basic = (user: string, secret: string) => ({
      authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`,
    });
    const name = "C.4711_auth_token";
    for (const port of Object.values(doors)) {
      const url = `https://${instance.address}:${port}/`;
      const cookie = await cookieOf(instance, port, token);
      const right = [
        { authorization: `Bearer ${token}` },
        basic("vastai", password),
        { cookie: `${name}=${cookie}` },
      ];
      for (const headers of right)
        assert.notEqual((await ask(url, { headers })).status, 401, JSON.stringify(headers));
      const wrong = [
        { cookie: `${name}=${cookie}x` },
        { cookie: `x${name}=${cookie}` },
        { cookie: `a=b${name}=${cookie}` },
      ];
      for (const headers of wrong)
        assert.equal((await ask(url, { headers })).status, 401, JSON.stringify(headers));
    }
  });

  test("the token leaves the address at once, and its cookie is kept from scripts and plain HTTP", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const browser = new Browser(`https://${instance.address}:1111`);
    const answer = await browser.visit(`/?a=1&token=${proof().token}`);
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, "/?a=1");
    const [cookie = ""] = [answer.headers["set-cookie"] ?? []].flat();
    for (const word of ["HttpOnly", "Secure", "Path=/"])
      assert.match(cookie, new RegExp(`; ${word}(;|$)`, "i"));
    assert.match(cookie, /; SameSite=(lax|strict)/i);
    assert.equal((await browser.visit("/?a=1")).status, 200);
  });

  test("plain HTTP on a port with TLS leads to HTTPS", { skip }, async () => {
    const { instance } = await proof().shared();
    const answer = await ask(`http://${instance.address}:8188/a?b=c`);
    assert.ok([301, 302, 307, 308].includes(answer.status), String(answer.status));
    assert.equal(answer.headers.location, `https://${instance.address}:8188/a?b=c`);
  });

  test("the certificate is the one in the file", { skip }, async () => {
    const { instance } = await proof().shared();
    const socket = await openSocket({ address: instance.address, port: 8188, tls: true });
    const served = (socket as unknown as { getPeerCertificate(): { raw: Buffer } }).getPeerCertificate().raw;
    socket.destroy();
    const kept = await instance.run("openssl", "x509", "-in", "/etc/instance.crt", "-outform", "pem");
    assert.equal(kept.replace(/-----.*-----|\s/g, ""), served.toString("base64"));
  });

  test("Jupyter runs a cell, over HTTPS through Caddy", { skip }, async () => {
    const { instance } = await proof().shared();
    const browser = await loggedIn(proof(), instance, doors.jupyter);
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
    const browser = await loggedIn(proof(), instance, doors.comfyui);
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

  test("another site's page can neither send nor listen, though its visitor is logged in", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const browser = await loggedIn(proof(), instance, doors.comfyui);
    const url = `https://${instance.address}:${doors.comfyui}`;
    const foreign = { ...browser.headers, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    const sent = await ask(`${url}/prompt`, { method: "POST", headers: foreign, body: "{}" });
    assert.equal(sent.status, 403);
    const read = await ask(`${url}/system_stats`, { headers: foreign });
    assert.equal(read.headers["access-control-allow-origin"], undefined);
    const upgrade = {
      ...foreign,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
    };
    const listening = await ask(`${url}/ws`, {
      headers: { ...upgrade, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
    });
    assert.equal(listening.status, 403);
  });

  test("no secret is in the log, in a file that others may read, or on a command line", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const { token, password } = proof();
    const seen = [
      await instance.log(),
      await instance.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"),
      await instance.run(
        "su",
        "-s",
        "/bin/sh",
        "nobody",
        "-c",
        "cat /var/log/portal/* /run/strata/* /etc/environment /etc/portal.yaml 2>/dev/null; true",
      ),
    ];
    for (const secret of [token, password]) for (const text of seen) assert.ok(!text.includes(secret));
  });
}

/** A cookie as the door gives it for the token. */
async function cookieOf(instance: Instance, port: number, token: string): Promise<string> {
  const browser = new Browser(`https://${instance.address}:${port}`);
  await browser.visit(`/?token=${token}`);
  return browser.cookies.get("C.4711_auth_token") ?? "";
}

async function loggedIn(proof: Proof, instance: Instance, port: number): Promise<Browser> {
  const browser = new Browser(`https://${instance.address}:${port}`);
  await browser.visit(`/?token=${proof.token}`);
  return browser;
}

async function isShut(instance: Instance, port: number, path: string, method: string): Promise<void> {
  const { status, text } = await ask(`https://${instance.address}:${port}${path}`, { method });
  assert.equal(status, 401, `${method} ${path} on ${port}: ${text.slice(0, 300)}`);
}
