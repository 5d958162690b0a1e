import assert from "node:assert/strict";
import { test } from "node:test";
import { isForPlatform, wheelFits } from "../../../../lib/recipe/wheel-names.ts";

const fits = (tags: string, python = "3.12", glibc = "2.36") =>
  wheelFits(`some_name-1.0.post1-${tags}.whl`, { python, glibc });

for (const tags of [
  "py3-none-any",
  "py2.py3-none-any",
  "py38-none-any",
  "cp312-cp312-manylinux_2_17_x86_64",
  "cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64",
  "cp312-cp312-manylinux2014_aarch64.manylinux_2_36_x86_64",
  "cp39-abi3-manylinux1_x86_64",
  "cp312-abi3-manylinux2010_x86_64",
  "cp312-none-any",
  "py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64",
  "1-cp312-cp312-linux_x86_64",
  "cp311.cp312-cp311.cp312-linux_x86_64",
]) {
  test(`fits Python 3.12 on glibc 2.36: ${tags}`, () => assert.ok(fits(tags)));
}

for (const tags of [
  "py2-none-any",
  "py313-none-any",
  "cp311-cp311-manylinux_2_17_x86_64",
  "cp313-abi3-manylinux_2_17_x86_64",
  "cp311-none-any",
  "cp312-cp312t-manylinux_2_17_x86_64",
  "cp312-cp312-manylinux_2_39_x86_64",
  "cp312-cp312-manylinux_2_17_aarch64",
  "cp312-cp312-musllinux_1_2_x86_64",
  "cp312-cp312-macosx_11_0_arm64",
  "cp312-cp312-win_amd64",
  "pp310-pypy310_pp73-manylinux_2_17_x86_64",
  "py3-none-win_amd64",
  "py3-abi3-any",
  "xcp312-cp312-linux_x86_64",
  "cp312x-cp312-linux_x86_64",
  "cp312-cp312-xmanylinux_2_17_x86_64",
  "cp312-cp312-manylinux_2_17_x86_64x",
  "cp312-cp312-manylinux_2_17x_x86_64",
  "cp312-cp312-manylinux_x_2_17_x86_64",
  "cp312-cp312-manylinux_1_17_x86_64",
  "cp312-cp312-manylinux_x86_64",
  "cp412-cp412-linux_x86_64",
]) {
  test(`does not: ${tags}`, () => assert.ok(!fits(tags)));
}

test("a newer glibc takes more, an older one less", () => {
  assert.ok(fits("cp312-cp312-manylinux_2_39_x86_64", "3.12", "2.39"));
  assert.ok(!fits("cp312-cp312-manylinux2014_x86_64", "3.12", "2.12"));
});

test("a free-threaded build takes its own wheels and those without code, no others", () => {
  assert.ok(fits("cp314-cp314t-manylinux_2_28_x86_64", "3.14t"));
  assert.ok(fits("py3-none-any", "3.14t"));
  assert.ok(!fits("cp314-cp314-manylinux_2_28_x86_64", "3.14t"));
  assert.ok(!fits("cp39-abi3-manylinux_2_17_x86_64", "3.14t"));
  assert.ok(!fits("cp314-cp314t-manylinux_2_28_x86_64", "3.14"));
});

test("names that are no wheels fit nothing, escaped ones are read", () => {
  assert.ok(!wheelFits("name-1.0.tar.gz", { python: "3.12", glibc: "2.36" }));
  assert.ok(!wheelFits("name-1.0-any.whl", { python: "3.12", glibc: "2.36" }));
  assert.ok(!wheelFits("name-1.0-py3-none-any.whl.asc", { python: "3.12", glibc: "2.36" }));
  assert.ok(wheelFits("name-1.0%2Bcu130-py3-none-any.whl", { python: "3.12", glibc: "2.36" }));
});

test("a wheel may be for this platform and for another Python", () => {
  const isOurs = (tags: string) => isForPlatform(`some_name-1.0-${tags}.whl`, "2.36");
  assert.ok(isOurs("cp310-cp310-manylinux_2_17_x86_64"));
  assert.ok(!isOurs("cp312-cp312-win_amd64"));
  assert.ok(!isOurs("cp312-cp312-manylinux_2_39_x86_64"));
});
