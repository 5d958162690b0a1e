import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { fixturePath, makeFixtures } from "../../../support/comfyui-fixtures.ts";
import { freePort } from "../../../support/port.ts";
import { temporaryFolder } from "../../support/folder.ts";

const workflow = {
  "1": { class_type: "EmptyImage", inputs: { width: 4, height: 2, batch_size: 1, color: 0 } },
  "2": { class_type: "ImageInvert", inputs: { image: ["1", 0] } },
  "3": { class_type: "SaveImage", inputs: { images: ["2", 0], filename_prefix: "test" } },
};

test("the small ComfyUI of the tests behaves like the real one, as far as they look", async (context) => {
  const folder = temporaryFolder(context);
  await makeFixtures(join(folder, "git"));
  const comfyui = join(folder, "comfyui");
  cpSync(join(import.meta.dirname, "../../../support/comfyui"), comfyui, { recursive: true });
  for (const [name, as] of Object.entries({ plain: "plain", broken: "broken", disabled: "off.disabled" })) {
    const target = join(comfyui, "custom_nodes", as);
    mkdirSync(target);
    await execa("git", [
      ...["--git-dir", fixturePath(join(folder, "git"), name), "--work-tree", target],
      ...["checkout", "--force", "main"],
    ]);
  }

  const port = await freePort();
  const child = spawn(
    "python3",
    [join(comfyui, "main.py"), "--cpu", "--port", String(port), "--base-directory", join(folder, "volume")],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } },
  );
  context.after(() => child.kill("SIGKILL"));
  const log = text(child.stdout);
  const get = async <T>(path: string, body?: object): Promise<T> => {
    const url = `http://127.0.0.1:${port}${path}`;
    const answer = await fetch(url, body && { method: "POST", body: JSON.stringify(body) });
    return (await answer.json()) as T;
  };
  await started(child, () => get("/system_stats"));

  const { devices } = await get<{ devices: { type: string }[] }>("/system_stats");
  assert.equal(devices[0]?.type, "cpu");
  const classes = await get<Record<string, { input: { required: object } }>>("/object_info");
  assert.deepEqual(classes.Plain?.input.required, { number: ["INT", { default: 1 }] });
  assert.ok(classes.SaveImage && !classes.Broken && !classes.Disabled);

  const { prompt_id: id } = await get<{ prompt_id: string }>("/prompt", { prompt: workflow });
  let history: object = {};
  while (!(id in history)) {
    await sleep(20);
    history = await get(`/history/${id}`);
  }
  assert.ok(existsSync(join(folder, "volume/output/test_00001_.png")));
  const refused = await get<{ error: { message: string } }>("/prompt", {
    prompt: { "1": { class_type: "No" } },
  });
  assert.match(refused.error.message, /node No does not exist/);

  child.kill();
  await once(child, "exit");
  assert.match(
    await log,
    /Traceback[\s\S]*Cannot import \S+\/broken module for custom nodes: No module named 'nothing_has_this_name'/,
  );
  assert.match(
    await log,
    /Import times for custom nodes:\n[\s\S]* {3}0\.\d seconds \(IMPORT FAILED\): \S+\/broken\n/,
  );
  assert.doesNotMatch(await log, /off\.disabled/);
});

async function started(child: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    assert.equal(child.exitCode, null, "it ended");
    if (await ask().catch(() => undefined)) return;
    await sleep(100);
  }
  assert.fail("it does not answer");
}
