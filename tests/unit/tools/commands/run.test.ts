import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

interface FakeDocker {
  readonly version: string;
  /** Whether the image is here already. */
  readonly hasImage?: boolean;
  readonly run?: string;
}

/** A docker of this version that writes down how it was called to run something. */
function fakeDocker(folder: string, { version, hasImage = false, run = "exit 0" }: FakeDocker): string {
  const body = [
    'case "$1" in',
    '  --version) echo "Docker version 26.1.5+dfsg1, build a72d7cd" ;;',
    `  version) echo '${JSON.stringify({ Server: { Version: version } })}' ;;`,
    `  image) exit ${hasImage ? 0 : 1} ;;`,
    `  run) echo "$@" >>${folder}/calls; echo "token=\${STRATA_TOKEN:-}" >>${folder}/calls; ${run} ;;`,
    "esac",
  ];
  return script(join(folder, "bin", "docker"), body.join("\n"));
}

async function start(
  t: TestContext,
  docker: FakeDocker,
  words: readonly string[] = [],
  mediaType = "tar+zstd",
) {
  await using registry = await startFakeRegistry();
  const layer = { mediaType: `application/vnd.oci.image.layer.v1.${mediaType}`, bytes: Buffer.from("x") };
  const { digest } = registry.image("x", [layer], {
    architecture: "amd64",
    os: "linux",
    config: { ExposedPorts: { "8000/tcp": {} }, Labels: { "strata.layers": '["comfyui"]' } },
  });
  const folder = temporaryFolder(t);
  const engine = fakeDocker(folder, docker);
  const child = execa(
    process.execPath,
    [
      join(repository, "tools/commands/run.ts"),
      ...["--reference", `${registry.host}/${REPOSITORY}:x`, "--engine", engine, "--no-gpu", ...words],
    ],
    { env: { STRATA_TOKEN: "a-token-of-mine", HF_TOKEN: "" }, reject: false, all: true, stdin: "ignore" },
  );
  const file = join(folder, "calls");
  const calls = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const expected = `run --rm -p 8000:8000 -v comfyui:/workspace -e STRATA_TOKEN`;
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  if (docker.run?.includes("trap")) {
    let isOver = false;
    void child.then(() => {
      isOver = true;
    });
    while (!calls().includes("token=") && !isOver) await sleep(20);
    child.kill("SIGTERM");
  }
  const { all, exitCode } = await child;
  return { all, exitCode, calls: calls(), expected, reference, engine };
}

test("the engine runs it by its digest, the line is printed without the token, and the status is the container's", async (t) => {
  const { all, exitCode, calls, expected, reference, engine } = await start(
    t,
    { version: "26.1.5", run: "exit 7" },
    ["--", "-e", "A=b c"],
  );
  assert.equal(exitCode, 7, all);
  assert.equal(calls, `${expected} -e A=b c ${reference}\ntoken=a-token-of-mine\n`);
  assert.match(all, new RegExp(`^${engine} ${expected} -e 'A=b c' ${reference}$`, "m"));
  assert.doesNotMatch(all, /a-token-of-mine/);
});

test("an engine that cannot read it is not asked to pull it; one that has it already is", async (t) => {
  const refused = await start(t, { version: "20.10.24+dfsg1" });
  assert.equal(refused.exitCode, 1);
  assert.match(
    refused.all,
    /docker 20\.10\.24\+dfsg1: cannot read layers packed with zstd: Docker can since 23\.0/,
  );
  assert.equal(refused.calls, "");
  assert.notEqual((await start(t, { version: "20.10.24+dfsg1" }, [], "tar+gzip")).calls, "");
  assert.notEqual((await start(t, { version: "20.10.24+dfsg1", hasImage: true })).calls, "");
});

test("words that are no options of its own come after --", async (t) => {
  const { all, exitCode, calls } = await start(t, { version: "26.1.5" }, ["-e", "A=b"]);
  assert.equal(exitCode, 1);
  assert.match(all, /Unknown option '-e'/);
  assert.equal(calls, "");
});

test("a signal reaches the container", async (t) => {
  const run = "trap 'exit 143' TERM; while :; do sleep 0.1; done";
  const { exitCode } = await start(t, { version: "26.1.5", run });
  assert.equal(exitCode, 143);
});
