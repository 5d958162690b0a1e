/** What a volume goes through: an older image, an interruption, no way to write, no room. Nothing is lost, new code runs. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Instance, serviceNames } from "../support/vast/container.ts";
import type { Proof } from "../support/vast/proof.ts";

const comfyui = "/workspace/ComfyUI";
/** What somebody has in a volume after a while. */
const own = {
  "models/checkpoints/mine.safetensors": "weights\n",
  "output/mine.png": "a picture\n",
  "user/default/workflows/mine.json": "{}\n",
  "custom_nodes/mine/__init__.py": "print('a node of mine is here')\nNODE_CLASS_MAPPINGS = {}\n",
  "notes.txt": "mine\n",
} as const;

export function volumeTests(proof: () => Proof, skip: string | false): void {
  test("volume: of an older image, with files, a node and an edited file", { skip }, async () => {
    const flags = ["--volume", "old:/workspace"];
    const old = await proof().start({ flags, image: await olderImage(proof()) });
    await old.up(serviceNames, 60);
    assert.equal(await version(old), "0.0.1-older");
    for (const [path, text] of Object.entries(own)) await put(old, `${comfyui}/${path}`, text);
    for (const file of ["nodes.py", "server.py"])
      await old.run("sh", "-c", `echo '# edited by me' >>${comfyui}/${file}`);
    await old.remove();
    const instance = await proof().start({ flags });
    await instance.up(serviceNames, 60);
    assert.notEqual(await version(instance), "0.0.1-older");
    await isKept(instance);
    // Of what was edited and is new in the image, the image's runs, and the edited file is there to be looked at; an edit of what
    // has not changed stays. What the image has no more is gone.
    const edited = (
      await instance.run("sh", "-c", `cd ${comfyui} && grep -rl --include '*.py*' 'edited by me' .`)
    )
      .trim()
      .split("\n")
      .sort();
    assert.equal(edited.length, 2, edited.join(" "));
    assert.match(edited[0] ?? "", /^\.\/nodes\.py\.kept-/);
    assert.equal(edited[1], "./server.py");
    assert.match(await instance.log(), /nodes\.py\.kept-/);
    assert.ok(!(await instance.holds("test", "-e", `${comfyui}/gone.py`)));
    assert.match(await instance.log(), /a node of mine is here/);
    // A second start of the same image has nothing to do.
    const before = await tree(instance);
    await instance.reboot();
    await instance.up(serviceNames, 60);
    assert.equal(await tree(instance), before);
    await instance.remove();
  });

  test("volume: a copy that was interrupted is finished, and no half of it runs", { skip }, async () => {
    for (const milliseconds of [100, 400, 800]) {
      const flags = ["--volume", `torn-${milliseconds}:/workspace`];
      const torn = await proof().start({ flags, image: await bulkyImage(proof()) });
      await sleep(milliseconds);
      await proof().engine.docker("kill", "--signal", "KILL", torn.name);
      await torn.remove();
      const instance = await proof().start({ flags, image: await bulkyImage(proof()) });
      await instance.up(serviceNames, 60);
      assert.equal(await instance.run("sh", "-c", `cat ${comfyui}/bulk/* | wc -l`), "3000\n");
      assert.ok(await version(instance));
      await instance.remove();
    }
  });

  test("volume: one that cannot be written to is told of, and the services run from the image", {
    skip,
  }, async () => {
    const instance = await proof().start({ flags: ["--volume", "closed:/workspace:ro"] });
    await instance.up(serviceNames, 60);
    assert.ok(await version(instance));
    assert.match(await instance.log(), /\/workspace.*(read-only|cannot be written)/i);
    await instance.remove();
  });

  test("volume: one that is full is told of, keeps what it has, and the services run", { skip }, async () => {
    const folder = join(proof().folder, "full.sh");
    // The mount is full before the boot begins, but for what the user has.
    writeFileSync(
      folder,
      "echo mine >/workspace/notes.txt; head -c 2M /dev/zero >/workspace/filling 2>/dev/null; exec entrypoint.sh\n",
    );
    const flags = [
      ...["--tmpfs", "/workspace:size=1m", "--volume", `${folder}:/full.sh:ro`],
      ...["--entrypoint", "/bin/sh"],
    ];
    const instance = await proof().start({ flags, command: ["/full.sh"] });
    await instance.up(serviceNames, 60);
    assert.ok(await version(instance));
    assert.equal(await instance.run("cat", "/workspace/notes.txt"), "mine\n");
    assert.match(await instance.log(), /No space left|full/i);
    await instance.remove();
  });
}

/** Version of the ComfyUI that answers. */
async function version(instance: Instance): Promise<string> {
  for (let tries = 0; ; tries++) {
    const text = await instance
      .run(
        "python3",
        "-c",
        "import urllib.request as r; print(r.urlopen('http://127.0.0.1:18188/system_stats').read().decode())",
      )
      .catch(() => undefined);
    if (text) return JSON.parse(text).system.comfyui_version;
    assert.ok(tries < 60, await instance.log());
    await sleep(500);
  }
}

async function put(instance: Instance, path: string, text: string): Promise<void> {
  await instance.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "put", path, text);
}

async function isKept(instance: Instance): Promise<void> {
  for (const [path, text] of Object.entries(own))
    assert.equal(await instance.run("cat", `${comfyui}/${path}`), text);
}

const tree = (instance: Instance) =>
  instance.run(
    "sh",
    "-c",
    `cd ${comfyui} && find . -type f -not -name '*.pyc' -not -path './user/*' -printf '%p %s %T@\\n' | sort`,
  );

/** The image as it was before: another version of ComfyUI, and a file that is gone since. */
function olderImage(proof: Proof): Promise<string> {
  return proof.variant("older", [
    "RUN cd /opt/workspace-internal/ComfyUI && printf '__version__ = \"0.0.1-older\"\\n' >comfyui_version.py && touch gone.py && echo '# older' >>nodes.py",
  ]);
}

/** The image with so many files that their copy takes a while. */
function bulkyImage(proof: Proof): Promise<string> {
  return proof.variant("bulky", [
    "RUN cd /opt/workspace-internal/ComfyUI && mkdir bulk && for n in $(seq 3000); do echo $n >bulk/$n; done",
  ]);
}
