import assert from "node:assert/strict";
import { test } from "node:test";
import { heldPackages, indexRequirements } from "../../../../lib/lock-making/held-back.ts";
import { parsePythonLock } from "../../../../lib/locks/python-lock.ts";

const pin = (name: string, version: string) =>
  `${name}==${version} \\\n    --hash=sha256:${"1".repeat(64)}\n`;
const lock = parsePythonLock(
  pin("numpy", "1.26.4") +
    pin("pillow", "10.4.0") +
    pin("torch", "2.12.0") +
    pin("blend-modes", "2.0") +
    pin("own", "1.0"),
  "lock",
);
const newest = new Map([
  ["numpy", "2.5.5"],
  ["pillow", "13.0.0"],
  ["torch", "2.15.0"],
  ["blend-modes", "2.0"],
  ["own", "3.0"],
]);
// As uv 0.13.8 writes it with --verbose.
const said = [
  "DEBUG Adding transitive dependency for blend-modes==2.0: pillow>=10.2.0, <11",
  "DEBUG Adding transitive dependency for blend-modes==2.0: numpy{python_full_version >= '3.9'}>=1.26.4, <2",
  "DEBUG Adding transitive dependency for blend-modes==1.0: pillow<9",
  "DEBUG Adding transitive dependency for torch==2.12.0: numpy*",
  "DEBUG Adding transitive dependency for torch==2.12.0: pillow>=5.3.0, <8.3.dev0 | >=8.4.dev0",
  "DEBUG Adding transitive dependency for numpy==1.26.4: numpy==1.26.4",
  "DEBUG Adding transitive dependency for own[x]==1.0: pillow<12",
].join("\n");
const by = (line: string, asker: string) => ({ line, by: asker });

test("what packages ask of each other is read for the versions of the lock alone", () => {
  assert.deepEqual(
    indexRequirements(said, lock).map(({ by: asker, line }) => `${asker}: ${line}`),
    [
      "blend-modes 2.0: pillow>=10.2.0, <11",
      "blend-modes 2.0: numpy>=1.26.4, <2",
      "torch 2.12.0: numpy*",
      "torch 2.12.0: pillow>=5.3.0, <8.3.dev0 | >=8.4.dev0",
      "own 1.0: pillow<12",
    ],
  );
});

test("who holds what back: nodes, the recipe and packages, with their lines", () => {
  const requirements = [
    by("numpy<2", "o/a requirements.txt"),
    by("numpy<=1.26.4", "recipe (b breaks with 2)"),
    by("numpy<2 ; sys_platform == 'linux'", "o/c requirements.txt"),
    by("numpy", "o/d requirements.txt"),
    by("Pillow", "o/d requirements.txt"),
    by("torch", "o/d requirements.txt"),
    by("torch==2.12.0", "layer torch"),
  ];
  assert.deepEqual(heldPackages(lock, newest, requirements, indexRequirements(said, lock)), [
    {
      name: "numpy",
      locked: "1.26.4",
      newest: "2.5.5",
      caps: [
        by("numpy<2", "o/a requirements.txt"),
        by("numpy<=1.26.4", "recipe (b breaks with 2)"),
        by("numpy<2 ; sys_platform == 'linux'", "o/c requirements.txt"),
        by("numpy>=1.26.4, <2", "blend-modes 2.0"),
      ].map(({ line, by: asker }) => ({ by: asker, line })),
    },
    {
      name: "pillow",
      locked: "10.4.0",
      newest: "13.0.0",
      caps: [
        { by: "blend-modes 2.0", line: "pillow>=10.2.0, <11" },
        { by: "own 1.0", line: "pillow<12" },
      ],
    },
  ]);
});

test("nothing is held back by what a layer decides, by who alone has it, or where no node asks", () => {
  const edges = indexRequirements(said, lock);
  const names = (...requirements: Parameters<typeof heldPackages>[2][number][]) =>
    heldPackages(lock, newest, requirements, edges).map(({ name }) => name);
  assert.deepEqual(names(), []);
  assert.deepEqual(names(by("numpy", "layer torch")), []);
  assert.deepEqual(names(by("own==1.0", "o/a requirements.txt")), []);
  assert.deepEqual(names(by("own==1.0", "o/a requirements.txt"), by("own", "o/b requirements.txt")), ["own"]);
  assert.deepEqual(names(by("torch", "o/a requirements.txt"), by("torch==2.12.0", "layer torch")), []);
  assert.deepEqual(names(by("own<2", "o/a r.txt"), by("own", "kernels compiled from source")), ["own"]);
  assert.deepEqual(names(by("own", "o/a r.txt"), by("own<2", "kernels compiled from source")), []);
});
