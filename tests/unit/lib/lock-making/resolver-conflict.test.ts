import assert from "node:assert/strict";
import { test } from "node:test";
import {
  explainResolverConflict,
  isResolverConflict,
} from "../../../../lib/lock-making/resolver-conflict.ts";
import {
  formatMissingWheels,
  missingWheelProblems,
  missingWheels,
  requirementOrigins,
} from "../../../../lib/locks/missing-wheels.ts";

const asked = [
  { line: "torch==2.12.0", by: "layer torch" },
  { line: "torch==2.1", by: "o/old-torch requirements.txt" },
  { line: "numpy<1.20", by: "o/old-numpy requirements.txt" },
  { line: "numpy", by: "o/plain requirements.txt" },
  { line: "Scikit_Image>=0.25", by: "o/other requirements.txt" },
  { line: "tqdm", by: "o/other requirements.txt" },
];
/** As uv 0.13.8 words them. */
const direct = `error: No solution found when resolving dependencies
  cause: Because you require torch==2.12.0 and torch==2.1, we can conclude that your requirements are unsatisfiable.`;
const transitive = `error: No solution found when resolving dependencies
  cause: Because scikit-image>=0.25.0 depends on numpy>=1.24 and you require scikit-image>=0.25, we can conclude
      that your requirements and numpy<1.20 are incompatible.`;

test("a direct conflict names who asks for what", () => {
  assert.ok(isResolverConflict(direct));
  assert.equal(
    explainResolverConflict(direct, asked),
    [
      "torch:",
      "  layer torch asks for torch==2.12.0",
      "  o/old-torch requirements.txt asks for torch==2.1",
    ].join("\n"),
  );
});

test("a conflict over another package's needs names all that are part of it, however they are spelled", () => {
  assert.equal(
    explainResolverConflict(transitive, asked),
    [
      "numpy:",
      "  o/old-numpy requirements.txt asks for numpy<1.20",
      "  o/plain requirements.txt asks for numpy",
      "scikit-image:",
      "  o/other requirements.txt asks for Scikit_Image>=0.25",
    ].join("\n"),
  );
});

test("other failures are no conflicts", () => {
  assert.ok(!isResolverConflict("error: Failed to fetch: the index does not answer"));
  assert.equal(explainResolverConflict("nothing that anybody asks for", asked), "");
});

const young = `error: No solution found when resolving dependencies
  cause: Because torch==2.12.0 has no wheels with a matching Python ABI tag (e.g., \`cp315\`) and you require
      torch==2.12.0, we can conclude that your requirements are unsatisfiable.`;

test("a package without a file for this Python is missing, with who asks for it", () => {
  const missing = missingWheels(young, asked.slice(0, 1));
  assert.deepEqual(missing, [
    { name: "torch", reason: "torch==2.12.0 has no wheel for cp315 (layer torch asks for torch==2.12.0)" },
  ]);
  assert.deepEqual(missingWheels(direct, asked), []);
  assert.equal(requirementOrigins("nobody", asked), "");
});

test("a range of versions without a file is one package, as the resolver lists ranges in lines of their own", () => {
  const ranges = `error: No solution found when resolving dependencies
    cause: Because all of:
               cupy-cuda12x<=13.4.1
               cupy-cuda12x>=13.5.1,<=13.6.0
            have no wheels with a matching Python ABI tag (e.g., \`cp314\`) and only these are available`;
  assert.deepEqual(missingWheels(ranges, []), [
    { name: "cupy-cuda12x", reason: "cupy-cuda12x>=13.5.1,<=13.6.0 has no wheel for cp314" },
  ]);
});

test("of many who ask for a package, those who cap it are named first, and the others counted", () => {
  const lines = ["x", "x>=1", "x>=2", "x<3", "x>=3"].map((line, index) => ({ line, by: `node ${index}` }));
  assert.equal(
    requirementOrigins("x", lines),
    " (node 3 asks for x<3, node 0 asks for x, node 1 asks for x>=1, and 2 more do)",
  );
});

test("a lock says what is missing below its header, and a preview can repeat it", () => {
  const text = `# head\n${formatMissingWheels([{ name: "a", reason: "a==1 has no wheel for cp314" }])}`;
  assert.equal(text, "# head\n\n# missing: a==1 has no wheel for cp314\n");
  assert.deepEqual(
    missingWheelProblems(text, "lock.txt").map(({ path, problem }) => [path, problem]),
    [["lock.txt", "a==1 has no wheel for cp314."]],
  );
  assert.deepEqual(missingWheelProblems("# head\nsix==1 --hash=sha256:00\n", "lock.txt"), []);
});

test("packages are told by name, and words are joined where the resolver broke a line", () => {
  const both = "No solution found: because you require b==1 and\n\n   a==2, it is impossible";
  const lines = ["b==1", "a==2", "an==3"].map((line) => ({ line, by: "x" }));
  assert.equal(explainResolverConflict(both, lines), "a:\n  x asks for a==2\nb:\n  x asks for b==1");
  assert.equal(
    explainResolverConflict(both, lines.toReversed()),
    "a:\n  x asks for a==2\nb:\n  x asks for b==1",
  );
});
