import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { download } from "../../../../tools/toolchain/download.ts";
import { fetchBytes } from "../../../../tools/toolchain/reach.ts";
import { respond, startFakeHub } from "../../../support/fake-hub.ts";
import { temporaryFolder } from "../../support/folder.ts";

type Answers = Parameters<typeof startFakeHub>[0];
type Answer = Answers[string];

async function serve(context: TestContext, answers: Answers) {
  const server = await startFakeHub(answers);
  context.after(() => server.stop());
  return server;
}

/** One answer after the other; the last one stays. */
function inTurn(...answers: Answer[]): Answer {
  let count = 0;
  return (response, request) => answers[Math.min(count++, answers.length - 1)]?.(response, request);
}

/** Promises more than it sends. */
const brokenOff: Answer = (response) => {
  response.writeHead(200, { "content-length": "100" });
  response.write("part", () => response.destroy());
};
const reset: Answer = (response) => response.destroy();
const patience = { pauseMs: 1 };

test("a download survives a busy host, a reset and a body that breaks off", async (context) => {
  const { address, requests } = await serve(context, {
    "/x": inTurn(respond(503, { "retry-after": "0" }), reset, brokenOff, respond(200, {}, "whole")),
  });
  assert.equal(new TextDecoder().decode(await fetchBytes(`${address}/x`, patience)), "whole");
  assert.equal(requests.length, 4);
});

test("what stays is told with its address; a refusal is asked once", async (context) => {
  const { address, requests } = await serve(context, { "/busy": respond(502), "/broken": brokenOff });
  const rejected = (path: string, problem: RegExp) =>
    assert.rejects(fetchBytes(`${address}${path}`, patience), problem);
  await rejected(
    "/busy",
    /^UserError: .*\/busy: the download failed: its host answers 502\. Run the same command/,
  );
  assert.equal(requests.length, 4);
  await rejected("/gone", /\/gone: the download failed: its host answers 404\./);
  assert.equal(requests.length, 5);
  await rejected("/broken", /\/broken: the download failed: its host broke off \(.+\)\./);
  assert.equal(requests.length, 9);
});

test("a release whose host stumbles is unpacked whole, and one with another hash not at all", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "in", "bin"), { recursive: true });
  writeFileSync(join(folder, "in", "bin", "tool"), "program");
  await execa("tar", ["-czf", join(folder, "tool.tar.gz"), "-C", join(folder, "in"), "bin"]);
  const archive = readFileSync(join(folder, "tool.tar.gz"));
  const sum = createHash("sha256").update(archive).digest("hex");
  const send: Answer = (response) => response.end(archive);
  const { address } = await serve(context, {
    "/tool.tar.gz": inTurn(reset, send),
    "/sums": inTurn(respond(429, { "retry-after": "1" }), respond(200, {}, `${sum}  tool.tar.gz\n`)),
    "/other/tool.tar.gz": send,
    "/other/sums": respond(200, {}, `${"0".repeat(64)}  tool.tar.gz\n`),
  });
  const release = (path: string) => ({
    url: `${address}${path}/tool.tar.gz`,
    checksums: `${address}${path}/sums`,
    file: "bin/tool",
  });
  const program = await download(release(""), join(folder, "cache"));
  assert.equal(program && readFileSync(program, "utf8"), "program");
  await assert.rejects(
    download(release("/other"), join(folder, "elsewhere")),
    /tool\.tar\.gz: has sha256 [0-9a-f]{64}, but 0{64} was published/,
  );
  assert.ok(!existsSync(join(folder, "elsewhere", "downloads", "tool")));
});
