/** A test in the builder, with a program that stands in for buildctl: its report, its limits, and its end. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Home, homeAt } from "../../../../home.ts";
import { BuilderHost } from "../../../../tools/hosts/builder-host.ts";
import { passedRun } from "../../../support/evidence.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

/** A home whose builder does this for a build; `$OUT` is where its result goes, `$HERE` a folder for notes. */
function homeWith(t: TestContext, build: string): { home: Home; here: string } {
  const here = temporaryFolder(t);
  const home = homeAt(join(here, "home"));
  const services = {
    builder: { kind: "buildkitd", name: "strata", address: "tcp://127.0.0.1:1" },
    registry: { kind: "process", address: "127.0.0.1:5000" },
  };
  mkdirSync(dirname(home.services), { recursive: true });
  writeFileSync(home.services, JSON.stringify(services));
  writeFileSync(join(here, "report.json"), JSON.stringify(passedRun));
  script(
    join(home.bin, "buildctl"),
    [
      `HERE=${here}`,
      'for word; do case "$word" in type=local,dest=*) OUT="$(printf %s "$word" | cut -d= -f3)" ;; esac; done',
      build,
    ].join("\n"),
  );
  return { home, here };
}

function order({ ms = 60_000, signal = new AbortController().signal } = {}) {
  return {
    reference: `127.0.0.1:5000/strata@sha256:${"a".repeat(64)}`,
    computeCapabilities: [],
    minimumDriver: "580.65.06",
    hasZstd: false,
    deadline: Date.now() + ms,
    signal,
  };
}

/** Like BuildKit's client: it stays until it is told to end, and notes that it was. */
const endless = `trap 'touch "$HERE/told"; kill $!; exit 1' TERM; touch "$HERE/begun"; sleep 60 & wait`;

test("what the checks found comes back", async (t) => {
  const { home } = homeWith(t, 'cp "$HERE/report.json" "$OUT/evidence.json"');
  const { report, host, cost } = await new BuilderHost(home, "strata").test(order());
  assert.equal(report.verdict, "pass");
  assert.deepEqual([host, cost], [{ kind: "builder" }, null]);
});

/** buildctl of a builder with a GPU: what it has, what its frontend answers, and what it was asked for. */
const withGpu = (said = "", answer = 'required device "strata.invalid/none=none" is not registered') => `
case "$*" in
  *"debug workers"*) echo '[{"cdiDevices":[{"name":"nvidia.com/gpu=0"},{"name":"nvidia.com/gpu=all"}]}]'; exit ;;
esac
for word; do case "$word" in dockerfile=*) FILE="\${word#dockerfile=}/Dockerfile" ;; esac; done
if grep -q strata.invalid "$FILE"; then for word; do echo "$word"; done >"$HERE/question"; echo '${answer}' >&2; exit 1; fi
cp "$FILE" "$HERE/Dockerfile"; for word; do echo "$word"; done >"$HERE/words"
${said ? `echo '${said}' >&2; exit 1` : 'cp "$HERE/report.json" "$OUT/evidence.json"'}`;

test("on the builder's GPU: its step gets the device, exactly that one is allowed, and the checks have to find it", async (t) => {
  const { home, here } = homeWith(t, withGpu());
  const host = new BuilderHost(home, "strata", { gpu: true });
  assert.deepEqual([host.hasGpu, host.name], [true, "the builder's GPU"]);
  const tested = await host.test({ ...order(), memory: { gpu: 17, ram: 35 } });
  assert.deepEqual(tested.host, { kind: "builder", device: "nvidia.com/gpu=all" });
  assert.match(
    readFileSync(join(here, "Dockerfile"), "utf8"),
    /^RUN .*--device=nvidia\.com\/gpu=all,required /m,
  );
  const words = readFileSync(join(here, "words"), "utf8").split("\n");
  assert.equal(words[words.indexOf("--allow") + 1], "device=nvidia.com/gpu=all");
  assert.ok(words.includes("build-arg:SMOKE_OPTIONS=--gpu --gpu-memory 17 --ram 35"), words.join(" "));
  assert.ok(!words.some((word) => word.includes("BUILDKIT_SYNTAX")));
  const frontend = `docker/dockerfile@sha256:${"c".repeat(64)}`;
  await new BuilderHost(home, "strata", { gpu: true, frontend }).test(order());
  for (const file of ["words", "question"])
    assert.ok(
      readFileSync(join(here, file), "utf8").includes(`build-arg:BUILDKIT_SYNTAX=${frontend}\n`),
      file,
    );
  // The context is smoke/ as it is.
  assert.ok(words.some((word) => /^context=.*\/smoke$/.test(word)));
});

test("without gpu no device is looked for, and none is allowed", async (t) => {
  const { home, here } = homeWith(t, withGpu());
  await new BuilderHost(home, "strata").test(order());
  assert.ok(!readFileSync(join(here, "words"), "utf8").includes("--allow"));
  assert.ok(!readFileSync(join(here, "Dockerfile"), "utf8").includes("--device"));
});

test("a builder without a GPU, one that cannot ask for it, and one that does not give it: trouble of the host", async (t) => {
  const trouble = async (build: string) => {
    const host = new BuilderHost(homeWith(t, build).home, "strata", { gpu: true });
    return await host.test(order()).then(
      () => "",
      (error: unknown) => String(error),
    );
  };
  assert.match(
    await trouble("echo '[{\"cdiDevices\":null}]'"),
    /^HostTrouble: the builder strata: it offers no GPU$/,
  );
  assert.match(
    await trouble("echo refused >&2; exit 1"),
    /^HostTrouble: .*it does not say what it has: refused$/,
  );
  const old = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later";
  assert.match(await trouble(withGpu("", old)), /^HostTrouble: .*do not know `RUN --device`$/);
  const forbidden = "device nvidia.com/gpu=all is requested by the build but not allowed";
  assert.match(
    await trouble(withGpu(forbidden)),
    /^HostTrouble: the builder does not let a build have its GPU/,
  );
  assert.match(await trouble(withGpu("no such image")), /^UserError: .*the smoke test could not run/);
});

test("a build that fails by itself is the user's to look at", async (t) => {
  const { home } = homeWith(t, "echo no such image >&2; exit 1");
  await assert.rejects(
    new BuilderHost(home, "strata").test(order()),
    /UserError: .*the smoke test could not run:\n {2}no such image/,
  );
});

test("the budget ends it, and that is trouble of the host", async (t) => {
  const { home, here } = homeWith(t, endless);
  const started = Date.now();
  await assert.rejects(
    new BuilderHost(home, "strata").test(order({ ms: 1000 })),
    /HostTrouble: no end within 1 s, which is all that the budget leaves/,
  );
  assert.ok(Date.now() - started < 4000);
  assert.ok(existsSync(join(here, "told")));
});

test("an interruption ends the build at once", async (t) => {
  const { home, here } = homeWith(t, endless);
  const interrupt = new AbortController();
  const work = assert.rejects(
    new BuilderHost(home, "strata").test(order({ signal: interrupt.signal })),
    /HostTrouble: the test was interrupted/,
  );
  while (!existsSync(join(here, "begun"))) await new Promise((resolve) => setTimeout(resolve, 20));
  const started = Date.now();
  interrupt.abort();
  await work;
  assert.ok(Date.now() - started < 3000);
  assert.ok(existsSync(join(here, "told")));
});
