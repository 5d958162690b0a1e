import assert from "node:assert/strict";
import { test } from "node:test";
import { wheelsDockerfile } from "../../../../lib/recipe/wheel-layer.ts";

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
