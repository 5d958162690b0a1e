import type { Plan } from "../../../lib/plan/plan.ts";
import { context, plan, sampleLayer, sampleRecipe } from "../../support/layers.ts";
import { finish, smallLayers } from "./small-layers.ts";

const units = ["one", "two", "three", "four"];

/** Files of a product with a C program, compiled as the real stages do it: by ccache, without a network. */
export const smallCompiled: Readonly<Record<string, string>> = {
  "certificates.pem": smallLayers["certificates.pem"] ?? "",
  "system/Dockerfile": smallLayers["system/Dockerfile"] ?? "",
  "toolbox/Dockerfile": [
    "FROM base",
    "RUN apt-get -qq update \\",
    " && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends ccache gcc libc6-dev >/dev/null",
    "",
  ].join("\n"),
  "program/Dockerfile": [
    "FROM toolbox AS build",
    "ARG SOURCE_DATE_EPOCH",
    "RUN --network=none --mount=type=bind,target=/context \\",
    "    --mount=type=cache,id=strata-ccache-program,target=/root/.cache/ccache \\",
    `    sh -eu /context/build.sh && ${finish}`,
  ].join("\n"),
  "program/build.sh": [
    "export CCACHE_COMPILERCHECK=content",
    "mkdir -p /source /out/opt/program",
    "cp /context/*.c /source && cd /source",
    "for unit in *.c; do ccache gcc -g -O2 -c $unit; done",
    "gcc -o /out/opt/program/program *.o",
    "",
  ].join("\n"),
  "program/main.c": `${units.map((unit) => `int ${unit}(void);\n`).join("")}int main(void) { return ${units.map((unit) => `${unit}()`).join(" + ")}; }\n`,
  ...Object.fromEntries(
    units.map((unit, index) => [`program/${unit}.c`, `int ${unit}(void) { return ${index}; }\n`]),
  ),
};

/** The plan of that product. */
export function smallCompiledPlan(folder: string, base: string): Plan {
  const layers = [
    sampleLayer("system", [], { role: "system", pins: (test) => ({ base: test.base.digest }) }),
    sampleLayer("program", ["toolbox"], { owns: () => ["/opt/program"] }),
  ];
  const toolbox = sampleLayer("toolbox", [], {
    role: "build",
    pins: (test) => ({ base: test.base.digest }),
  });
  return plan(
    folder,
    { ...sampleRecipe(layers, [toolbox]), name: "small" },
    {},
    { ...context, base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" } },
  );
}
