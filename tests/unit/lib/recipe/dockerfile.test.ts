import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addFile,
  addGit,
  runInstruction,
  stageDockerfile,
  stageMounts,
} from "../../../../lib/recipe/dockerfile.ts";
import { commitOf } from "../../../support/nodes.ts";

test("an address for the builder ends in .git, has the full commit, and leaves submodules to pins of their own", () => {
  const commit = commitOf("x");
  for (const location of [
    "https://example.org/x/y",
    "https://example.org/x/y.git",
    "https://example.org/x/y/",
  ]) {
    assert.equal(
      addGit({ location, commit }, "nodes/y"),
      `ADD https://example.org/x/y.git?ref=${commit}&submodules=false /nodes/y`,
    );
    assert.equal(
      addGit({ location, commit }),
      `ADD https://example.org/x/y.git?ref=${commit}&submodules=false /`,
    );
  }
});

test("a file is fetched by its hash", () => {
  assert.equal(
    addFile({ url: "https://example.org/a.whl", sha256: "7".repeat(64) }, "a.whl"),
    `ADD --checksum=sha256:${"7".repeat(64)} https://example.org/a.whl /a.whl`,
  );
});

test("the toolbox is what a RUN is in and not mounted; wheels from source lie where the installation looks", () => {
  assert.deepEqual(stageMounts(["toolbox", "torch", "wheel-dlib"]), [
    "--mount=type=bind,from=torch,target=/stages/torch",
    "--mount=type=bind,from=wheel-dlib,target=/wheels/wheel-dlib",
  ]);
});

test("an instruction has an option a line, and a stage ends with what its build put into /out", () => {
  assert.equal(
    stageDockerfile([
      "FROM toolbox AS build",
      runInstruction(["--network=none", "--mount=type=bind,target=/x"], "true"),
    ]),
    `FROM toolbox AS build
RUN --network=none \\
    --mount=type=bind,target=/x \\
    true

FROM scratch
COPY --link --from=build /out /
`,
  );
});
