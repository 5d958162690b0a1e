import type { Plan } from "../../../lib/plan.ts";
import { context, layer, plan, recipe } from "../../support/layers.ts";

/** What every small stage ends with, as the real ones do. */
const finish = [
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

/** Files of the small layers: system ← a ← b, and c, which needs nobody. */
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
  "certificates.pem": "-----BEGIN CERTIFICATE-----\nplanted-0f3a9c\n-----END CERTIFICATE-----\n",
};

/** The plan of the small product. */
export function smallPlan(folder: string, base: string): Plan {
  const layers = [
    layer("system", [], { role: "system", pins: (test) => ({ base: test.base.digest }) }),
    layer("c", ["system"], { owns: () => ["/opt/c"] }),
    layer("a", ["system"], { owns: () => ["/opt/a"] }),
    layer("b", ["system", "a"], { owns: () => ["/opt/b"] }),
  ];
  return plan(
    folder,
    { ...recipe(layers), name: "small" },
    {},
    { ...context, base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" } },
  );
}
