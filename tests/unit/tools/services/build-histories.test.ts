import assert from "node:assert/strict";
import { test } from "node:test";
import { buildHistories, parseHistories } from "../../../../tools/services/build-histories.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const line = (record: object) => JSON.stringify({ type: 1, record: { Ref: "r", ...record } });
const ended = line({ CompletedAt: { seconds: 1_795_000_000 } });
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

test("a build without an end runs, and what is no line of a build counts nothing", () => {
  const text = [ended, line({}), line({ CompletedAt: null }), "", "rpc error", "{}"].join("\n");
  assert.deepEqual(
    parseHistories(text).map(({ isRunning }) => isRunning),
    [false, true, true],
  );
});

test("builds come in the order of their ends, those that run last, however the builder lists them", () => {
  const at = (Ref: string, seconds: number, nanos?: number) => line({ Ref, CompletedAt: { seconds, nanos } });
  const text = [line({ Ref: "runs" }), at("b", 20, 5), at("c", 20, 9), at("a", 20), at("first", 10)].join(
    "\n",
  );
  assert.deepEqual(
    parseHistories(text).map(({ ref }) => ref),
    ["first", "a", "b", "c", "runs"],
  );
});

test("a record says what was built under which name, whether that failed, and where what is stated of it lies", () => {
  // As BuildKit 0.31.1 printed one, shortened.
  const text = line({
    CompletedAt: { seconds: 5 },
    Exporters: [{ Type: "image", Attrs: { name: "r/x:stage-a", push: "true" } }, { Type: "local" }],
    Result: {
      ResultDeprecated: { media_type: "m", digest: digest("a"), size: 2 },
      Attestations: [
        {
          digest: digest("b"),
          size: 3,
          annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" },
        },
      ],
    },
  });
  assert.deepEqual(parseHistories(text), [
    {
      ref: "r",
      isRunning: false,
      hasFailed: false,
      names: ["r/x:stage-a"],
      digests: [digest("a")],
      attestations: { "https://slsa.dev/provenance/v1": digest("b") },
    },
  ]);
  const [failed] = parseHistories(
    line({ CompletedAt: { seconds: 5 }, error: { code: 2, message: "exit 1" } }),
  );
  assert.equal(failed?.hasFailed, true);
});

test("what buildctl has said counts although it fails after it", async (t) => {
  const folder = temporaryFolder(t);
  const late = script(
    `${folder}/late`,
    `echo '${ended}'; echo 'error: context deadline exceeded' >&2; exit 1`,
  );
  assert.equal((await buildHistories([late])).length, 1);
  assert.deepEqual(await buildHistories([script(`${folder}/broken`, "exit 1")]), []);
});
