import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { repository } from "../../../../home.ts";
import { attempt } from "../../../../tools/program/exec.ts";
import { temporaryFolder } from "../../support/folder.ts";

const aptHelper = "/usr/lib/apt/apt-helper";
const skip = existsSync(aptHelper) ? false : "no apt on this machine";

/** An archive that has these files; a mirror answers 404 for what it removed. */
async function archive(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer((request, response) => {
    const content = files[decodeURIComponent(request.url ?? "").slice(1)];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const line = (name: string, content: string) =>
  `package ${name} 1+b ${createHash("sha256").update(content).digest("hex")} pool/main/${name}_1+b.deb\n`;

/** Runs fetch-packages.sh with apt's sources as given, in both forms that these have. */
async function fetchWith(t: TestContext, sources: readonly string[], list: string) {
  const folder = temporaryFolder(t);
  const parts = join(folder, "parts");
  mkdirSync(parts);
  const [first = "", ...others] = sources;
  writeFileSync(
    join(folder, "sources.list"),
    `deb [arch=amd64] ${first} bookworm main\n# deb http://127.0.0.1:1 x main\n`,
  );
  writeFileSync(
    join(parts, "more.sources"),
    others.map((each) => `Types: deb\nURIs: ${each}/\nSuites: x\n`).join("\n"),
  );
  writeFileSync(join(folder, "list"), list);
  writeFileSync(
    join(folder, "apt.conf"),
    `Dir::Etc::sourcelist "${join(folder, "sources.list")}";\nDir::Etc::sourceparts "${parts}";\nAcquire::http::Proxy "DIRECT";\n`,
  );
  const target = join(folder, "packages");
  const script = join(repository, "layers/shared/fetch-packages.sh");
  const env = { APT_CONFIG: join(folder, "apt.conf") };
  const result = await attempt("sh", ["-eu", script, join(folder, "list"), target], { env });
  return { ...result, files: readdirSync(target).sort() };
}

test("each package comes from where it still is: a mirror, another archive, or the snapshot", {
  skip,
}, async (t) => {
  const mirror = await archive(t, { "pool/main/a_1+b.deb": "a", "pool/main/d_1+b.deb": "changed" });
  const security = await archive(t, { "pool/main/b_1+b.deb": "b" });
  const snapshot = await archive(t, { "then/pool/main/c_1+b.deb": "c", "then/pool/main/d_1+b.deb": "d" });
  const list = `snapshot ${snapshot}/then/\n${["a", "b", "c", "d"].map((name) => line(name, name)).join("")}`;
  const all = await fetchWith(t, [mirror, security], list);
  assert.deepEqual([all.ok, all.stdout, all.files], [true, "", ["a.deb", "b.deb", "c.deb", "d.deb"]]);
});

test("what is nowhere is named, and so is what is there with other bytes", { skip }, async (t) => {
  const mirror = await archive(t, { "pool/main/a_1+b.deb": "a", "pool/main/d_1+b.deb": "changed" });
  const list = `snapshot http://127.0.0.1:1/\n${line("a", "a")}${line("c", "c")}${line("d", "d")}`;
  const { ok, stdout, files } = await fetchWith(t, [mirror], list);
  assert.deepEqual([ok, stdout, files], [false, "c 1+b\nd 1+b", ["a.deb"]]);
});
