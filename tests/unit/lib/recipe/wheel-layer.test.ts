import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import type { LayerContext } from "../../../../lib/recipe/layer.ts";
import { wheelLayer, wheelsDockerfile } from "../../../../lib/recipe/wheel-layer.ts";

test("stages are mounted where a verification finds them, wheels from source where the installation does", () => {
  assert.deepEqual(wheelsDockerfile(["toolbox", "torch", "wheel-dlib"], ["KERNELS"]).split("\n"), [
    "# This stage's share of the Python lock.",
    "FROM toolbox AS build",
    "ARG SOURCE_DATE_EPOCH",
    "ARG PYTHON",
    "ARG KERNELS",
    "RUN --mount=type=secret,id=ca \\",
    "    --mount=type=bind,target=/context \\",
    "    --mount=type=bind,from=torch,target=/stages/torch \\",
    "    --mount=type=bind,from=wheel-dlib,target=/wheels/wheel-dlib \\",
    "    sh -eu /context/install-wheels.sh",
    "",
    "FROM scratch",
    "COPY --link --from=build /out /",
    "",
  ]);
});

test("wheels that the stack brings are fetched by their hashes, and mounted beside those from source", () => {
  const wheel = { url: "https://h.invalid/a-1-py3-none-any.whl?x=1", sha256: "7".repeat(64), version: "1" };
  assert.deepEqual(wheelsDockerfile([], [], [wheel]).split("\n").slice(0, 11), [
    "# This stage's share of the Python lock.",
    "FROM scratch AS pinned",
    `ADD --checksum=sha256:${wheel.sha256} ${wheel.url} /a-1-py3-none-any.whl`,
    "",
    "FROM toolbox AS build",
    "ARG SOURCE_DATE_EPOCH",
    "ARG PYTHON",
    "RUN --mount=type=secret,id=ca \\",
    "    --mount=type=bind,target=/context \\",
    "    --mount=type=bind,from=pinned,target=/wheels/pinned \\",
    "    sh -eu /context/install-wheels.sh",
  ]);
});

test("a layer of wheels is built in the toolbox for the stack's Python", () => {
  assert.deepEqual(wheelLayer.parents(), ["toolbox"]);
  assert.deepEqual(wheelLayer.args({ python: "3.12" } as LayerContext), { PYTHON: "3.12" });
  assert.equal(wheelLayer.dockerfile(["toolbox", "torch"]), wheelsDockerfile(["torch"]));
  for (const file of wheelLayer.shared) assert.ok(existsSync(join(repository, "layers", file)), file);
});
