import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { attempt } from "../../../../tools/program/exec.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

test("torch's calls of nvcc reach ccache with the options that it knows, and nothing else is changed", async (t) => {
  const folder = temporaryFolder(t);
  script(join(folder, "ccache"), 'printf "%s\\n" "$@"');
  const wrapper = join(repository, "layers/source-wheel/cached-nvcc.sh");
  // As torch 2.12's ninja file has it (torch/utils/cpp_extension.py).
  const words = [
    "--generate-dependencies-with-compile",
    "--dependency-output",
    "a b.o.d",
    '-DX="1 2"',
    "-c",
    "a.cu",
  ];
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const { ok, stdout } = await attempt("bash", [wrapper, ...words], { env });
  assert.ok(ok);
  assert.deepEqual(stdout.split("\n"), [
    "/opt/cuda/bin/nvcc",
    "-MD",
    "-MF",
    "a b.o.d",
    '-DX="1 2"',
    "-c",
    "a.cu",
  ]);
});
