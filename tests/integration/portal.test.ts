/** The portal in a browser: what people see and do, on a desktop and a phone, light and dark, with keys alone. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { repository } from "../../home.ts";
import { type Instance, openBrowser, startInstance } from "./support/portal.ts";
import { waitFor } from "./support/wait-for.ts";

/** Where the pictures go; `.strata` is no part of the repository. */
const pictures = join(repository, ".strata/pictures/portal");
const names = ["apps", "tunnels", "services", "logs/comfyui", "system"];
const devices = {
  desktop: { viewport: { width: 1280, height: 860 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
} as const;

/** Of tests/python/portal_instance.py. */
const password = "correct-horse-battery";

let browser: Browser;
let instance: Instance;
let missing = "";
/** The cookie that the door's login gave, for the pages after the first. */
let session: BrowserContextOptions["storageState"];

before(async () => {
  const [found, started] = await Promise.all([openBrowser(), startInstance()]);
  if (typeof found === "string") missing = found;
  else browser = found;
  if (typeof started === "string") missing ||= started;
  else instance = started;
});
after(async () => {
  await browser?.close();
  await instance?.end();
});

/** A page of the portal, and what its browser complains of. */
async function open(name: string, options: BrowserContextOptions = {}): Promise<[Page, string[]]> {
  const context = await browser.newContext({
    reducedMotion: "reduce",
    ...(session ? { storageState: session } : {}),
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    // Whenever an interface comes or goes on this machine: other tests start containers.
    if (!/ERR_NETWORK_CHANGED/.test(message.text()) && ["error", "warning"].includes(message.type())) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`${instance.address}/#/${name}`);
  if (instance.hasDoor && !session) {
    await page.getByLabel("Password or token").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator("#main").waitFor();
    session = await context.storageState();
    // The login's own page was the answer 401, which a browser's console tells.
    complaints.length = 0;
    await page.goto(`${instance.address}/#/${name}`);
    // Another page of the same document takes the focus; who comes anew has it nowhere.
    await page.reload();
  }
  await page.locator("#meters .meter").first().waitFor({ state: "attached" });
  return [page, complaints];
}

const row = (page: Page, list: string, name: string) =>
  page.locator(`#${list} > li`).filter({ has: page.getByText(name, { exact: true }) });

test("the portal is behind the login, and its page says how to leave", async (t) => {
  if (missing) return t.skip(missing);
  if (!instance.hasDoor) return t.skip("there is no Go to build the door's Caddy with");
  for (const path of ["/", "/system-metrics", "/static/js/main.js", "/download-logs"]) {
    assert.equal((await fetch(`${instance.address}${path}`)).status, 401, path);
  }
  const [page, complaints] = await open("apps");
  await page.getByRole("link", { name: "Log out" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a service is stopped, started and restarted, and what the page needs is not", async (t) => {
  if (missing) return t.skip(missing);
  const [page, complaints] = await open("services");
  const comfyui = row(page, "services", "comfyui");
  await comfyui.getByText("Running").waitFor();
  const process = async () => /Process (\d+)/.exec((await comfyui.textContent()) ?? "")?.[1];
  const before = await process();
  await page.getByRole("button", { name: "Restart comfyui" }).click();
  await page.getByText("Restarted comfyui.").waitFor();
  await comfyui.getByText("Running").waitFor();
  assert.notEqual(await process(), before);
  await page.getByRole("button", { name: "Stop comfyui" }).click();
  await comfyui.getByText("Stopped", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Start comfyui" }).click();
  await comfyui.getByText("Running").waitFor();
  assert.equal(await page.getByRole("button", { name: "Stop caddy" }).count(), 0);
  assert.equal(await page.getByRole("button", { name: "Restart instance_portal" }).count(), 0);
  await row(page, "services", "tensorboard").getByText("Failed").waitFor();
  assert.deepEqual(complaints, []);
});

test("a log is live, in colours, without markup and without secrets; it is filtered and kept", async (t) => {
  if (missing) return t.skip(missing);
  const [page, complaints] = await open("services");
  await page.getByRole("link", { name: "Log of comfyui" }).click();
  const log = page.getByRole("log");
  await log.getByText("Set vram state to:").first().waitFor();
  const colour = (text: string) =>
    page.evaluate(`getComputedStyle([...document.querySelectorAll("#log span")]
      .find((part) => part.textContent === ${JSON.stringify(text)})).color`);
  assert.notEqual(await colour("[WARNING]"), await colour("[START]"));
  // Markup of a program is text.
  await log.getByText("<b>comfyui-bold</b>").first().waitFor();
  assert.equal(await log.locator("b").count(), 0);
  const text = (await log.textContent()) ?? "";
  assert.doesNotMatch(text, /correct-horse-battery|0123456789abcdef/);
  assert.ok(!text.includes("\u001b"));
  assert.match(text, /token=<hidden>/);
  // A progress bar is one line that moves: the last one has many values while no line is added. Bars that restarts cut
  // off stay above it.
  const seen = new Map<number, Set<string>>();
  await waitFor("a bar that moves", async () => {
    const lines = await log.locator("> div").allTextContents();
    const percent = /^ *(\d+)%\|[^%]*$/.exec(lines.at(-1) ?? "")?.[1];
    const values = seen.get(lines.length) ?? new Set();
    if (percent) seen.set(lines.length, values.add(percent));
    return values.size >= 3;
  });
  await page.getByLabel("Only lines with").fill("VRAM");
  await waitFor("lines with VRAM alone", async () => {
    const shown = await log.locator("> div:not([hidden])").allTextContents();
    const hidden = await log.locator("> div[hidden]").count();
    return hidden > 0 && shown.every((line) => /VRAM/i.test(line));
  });
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download", exact: true }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "comfyui.log");
  assert.deepEqual(complaints, []);
});

test("a tunnel is opened from an application's card, shown with its address, and closed", async (t) => {
  if (missing) return t.skip(missing);
  const [page, complaints] = await open("apps");
  await page.getByRole("button", { name: "Open a tunnel to Jupyter Terminal" }).click();
  const link = page.getByRole("link", { name: "Open Jupyter Terminal through the tunnel" });
  await link.waitFor();
  const address = (await link.getAttribute("href")) ?? "";
  assert.match(address, /^https:\/\/[a-z-]+\.trycloudflare\.com\/terminals\/1$/);
  // Who comes through it without a login gets to the login.
  if (instance.hasDoor) assert.match(instance.read("cloudflare/origin"), / 401 /);
  // Both cards of the port have it.
  const root = await page.getByRole("link", { name: "Open Jupyter through the tunnel" }).getAttribute("href");
  assert.equal(`${root}terminals/1`, address);
  await page.getByRole("link", { name: "Tunnels" }).click();
  const tunnel = row(page, "tunnels", "Jupyter, Jupyter Terminal");
  await tunnel.locator(".state", { hasText: "Open" }).waitFor();
  await page.getByRole("button", { name: "Close the tunnel to Jupyter, Jupyter Terminal" }).click();
  await tunnel.locator(".state", { hasText: "Closed" }).waitFor();
  instance.write("cloudflare/behaviour", "limited");
  try {
    await page.getByRole("button", { name: "Open a tunnel to Tensorboard" }).click();
    await row(page, "tunnels", "Tensorboard").getByText("429 Too Many Requests").waitFor();
    await page.getByRole("button", { name: "Close the tunnel to Tensorboard" }).click();
  } finally {
    instance.write("cloudflare/behaviour", "ok");
  }
  assert.deepEqual(complaints, []);
});

test("what failed in the boot or in provisioning is said above every page, with its log", async (t) => {
  if (missing) return t.skip(missing);
  const [boot, provisioning] = ["boot.json", "provisioning.json"].map((name) => instance.read(name));
  instance.write("boot.json", '{"failed": [{"script": "36-sync-workspace.sh", "status": 1}]}');
  instance.write(
    "provisioning.json",
    '{"state": "timed-out", "script": "https://x/p.sh", "detail": "after 600 s"}',
  );
  try {
    const [page, complaints] = await open("apps");
    await page.getByText("36-sync-workspace.sh failed in the boot.").waitFor();
    await page.getByText("after 600 s").first().waitFor();
    assert.equal(await page.locator(".notice a").last().getAttribute("href"), "#/logs/provisioning");
    assert.deepEqual(complaints, []);
  } finally {
    instance.write("boot.json", boot ?? "");
    instance.write("provisioning.json", provisioning ?? "");
  }
});

test("keys alone reach everything, and the focus stays where it was", async (t) => {
  if (missing) return t.skip(missing);
  const [page, complaints] = await open("apps");
  await page.getByRole("button", { name: "Open a tunnel to ComfyUI" }).waitFor();
  const focused = () =>
    page.evaluate(`(document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()`);
  const walk: unknown[] = [];
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press("Tab");
    walk.push(await focused());
    assert.equal(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), "solid");
  }
  assert.equal(walk[0], "Skip to content");
  assert.deepEqual(walk.slice(2, 7), ["Apps", "Tunnels", "Services", "Logs", "System"]);
  const rest = walk.slice(7).filter((name) => name !== "Log out");
  assert.match(String(rest[0]), /^Theme: /);
  assert.deepEqual(rest.slice(1, 3), ["Open Instance Portal", "Open a tunnel to Instance Portal"]);
  // What was pressed goes, and the focus moves to what came instead.
  await page.getByRole("button", { name: "Open a tunnel to ComfyUI" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Open ComfyUI through the tunnel" }).waitFor();
  assert.equal(await focused(), "Open ComfyUI through the tunnel");
  // A theme is chosen with a key, and kept.
  await page.locator("#theme").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.reload();
  assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "dark");
  await page.getByRole("link", { name: "Services" }).focus();
  await page.keyboard.press("Enter");
  const restart = page.getByRole("button", { name: "Restart jupyter" });
  await restart.focus();
  await page.keyboard.press("Enter");
  await page.getByText("Restarted jupyter.").waitFor();
  await row(page, "services", "jupyter").getByText("Running").waitFor();
  assert.equal(await focused(), "Restart jupyter");
  assert.deepEqual(complaints, []);
});

for (const [device, screen] of Object.entries(devices)) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`pictures, ${device}, ${colorScheme}: readable, named, and no wider than the screen`, async (t) => {
      if (missing) return t.skip(missing);
      mkdirSync(pictures, { recursive: true });
      // axe is a script of others, which the page's own policy keeps out.
      const [page, complaints] = await open("apps", { ...screen, colorScheme, bypassCSP: true });
      await page.addScriptTag({ path: join(repository, "node_modules/axe-core/axe.min.js") });
      for (const name of names) {
        await page.evaluate(`location.hash = ${JSON.stringify(`#/${name}`)}`);
        await page
          .locator(filled[name] ?? "h1")
          .first()
          .waitFor();
        await page.screenshot({
          path: join(pictures, `${name.replace("/", "-")}-${device}-${colorScheme}.png`),
        });
        const found =
          await page.evaluate(`axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>
          nodes.map((node) => id + ": " + node.html.slice(0, 200))))`);
        assert.deepEqual(found, [], name);
        assert.ok(
          await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
          `${name} is too wide`,
        );
      }
      assert.deepEqual(complaints, []);
    });
  }
}

/** What is there once a page has its content. */
const filled: Readonly<Record<string, string>> = {
  apps: "#apps .card",
  tunnels: "#tunnels .row",
  services: "#services .row",
  "logs/comfyui": "#log > div",
  system: "#disks .share",
};
