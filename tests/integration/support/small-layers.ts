import { generation } from "../../../lib/gpu/generations.ts";
import { parsePythonLock } from "../../../lib/locks/python-lock.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import type { Layer } from "../../../lib/recipe/layer.ts";
import type { Recipe } from "../../../lib/recipe/recipe.ts";
import { context, emptyLock, plan, sampleLabels, sampleLayer, sampleRecipe } from "../../support/layers.ts";
import { readVariant } from "./small-variant.ts";

/** What every small stage ends with, as the real ones do. */
export const finish = [
  "find /out -exec touch --no-dereference --date @$SOURCE_DATE_EPOCH {} +",
  "",
  "FROM scratch",
  "COPY --link --from=build /out /",
  "",
].join("\n");

/** A stage that is built from what `parents` hold, with so many megabytes that do not compress. */
function stage(name: string, parents: readonly string[], megabytes: number): string {
  return [
    "FROM system AS build",
    "ARG SOURCE_DATE_EPOCH",
    `COPY value /out/opt/${name}/value`,
    ...parents.map((parent) => `COPY --from=${parent} /opt/${parent}/value /out/opt/${name}/from-${parent}`),
    `RUN --mount=type=secret,id=ca mkdir -p /out/opt/${name} \\`,
    // Bytes that do not compress and are the same in each build.
    ` && perl -e 'srand(${megabytes}); print pack("L", rand(2**32)) for 1..${megabytes * 250_000}' >/out/opt/${name}/bulk \\`,
    ` && ${finish}`,
  ].join("\n");
}

/** Files of the small layers: system ← a ← b, and c, which needs nobody; d is in no product unless a test wants it. */
export const smallLayers: Readonly<Record<string, string>> = {
  "system/Dockerfile": [
    "FROM base",
    "ARG SOURCE_DATE_EPOCH",
    "RUN touch /dev/shm/started && sleep 0.1 && echo strata >/etc/strata \\",
    " && find / -xdev -cnewer /dev/shm/started -exec touch --no-dereference --date @$SOURCE_DATE_EPOCH {} + 2>/dev/null || true",
    "",
  ].join("\n"),
  "a/Dockerfile": stage("a", [], 8),
  "a/value": "1\n",
  "b/Dockerfile": stage("b", ["a"], 4),
  "b/value": "1\n",
  "c/Dockerfile": stage("c", [], 12),
  "c/value": "1\n",
  "d/Dockerfile": stage("d", [], 1),
  "d/value": "1\n",
  "shared/note": "for c\n",
  "certificates.pem": "-----BEGIN CERTIFICATE-----\nplanted-0f3a9c\n-----END CERTIFICATE-----\n",
};

const hash = "0".repeat(64);

/** The plan of the small product. */
export function smallPlan(folder: string, base: string): Plan {
  const variant = readVariant(folder);
  const own = (name: string, parents: readonly string[], more: Partial<Layer> = {}): Layer => {
    const { args, pins } = more;
    return sampleLayer(name, [...parents, ...(variant.parents?.[name] ?? [])], {
      ...more,
      args: (test) => ({ ...args?.(test), ...variant.args?.[name] }),
      pins: (test) => ({ ...pins?.(test), ...variant.pins?.[name] }),
    });
  };
  const system = own("system", [], { role: "system", pins: (test) => ({ base: test.base.digest }) });
  const others: Readonly<Record<string, Layer>> = {
    a: own("a", ["system"], { owns: () => ["/opt/a"] }),
    b: own("b", ["system", "a"], {
      owns: () => ["/opt/b"],
      args: (test) => ({ GENERATION: test.generation.name }),
    }),
    c: own("c", ["system"], {
      owns: () => ["/opt/c"],
      shared: ["shared/note"],
      python: () => ({ image: ["attrs"] }),
      weight: () => ({ compilerMemory: 1e6 }),
    }),
    d: own("d", ["system"], { owns: () => ["/opt/d"] }),
  };
  const order = variant.order ?? ["c", "a", "b"];
  const wanted = sampleRecipe([system, ...order.flatMap((name) => others[name] ?? [])]);
  const runtime: Recipe["runtime"] = (test) => {
    const usual = wanted.runtime(test);
    return { ...usual, environment: { ...usual.environment, ...variant.environment } };
  };
  const lock = `attrs==${variant.packageVersion ?? "25.1.0"} --hash=sha256:${hash}\n`;
  return plan(
    folder,
    { ...wanted, name: "small", runtime },
    {
      lock: { path: emptyLock.path, distributions: parsePythonLock(lock, emptyLock.path) },
      labels: { ...sampleLabels, ...(variant.revision ? { revision: variant.revision } : {}) },
    },
    {
      ...context,
      generation: generation(variant.generation ?? "cpu"),
      base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" },
      ...(variant.compression ? { compression: variant.compression } : {}),
    },
  );
}
