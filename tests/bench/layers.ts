import type { Plan } from "../../lib/plan/plan.ts";
import { finish } from "../integration/support/small-layers.ts";
import { context, plan, sampleLayer, sampleRecipe } from "../support/layers.ts";

/** Layers in their order, each with a file that takes seconds to make and does not compress, as most of an image. */
export const names = ["one", "two", "three", "four", "five", "six"] as const;

const MEGABYTES = 160;

/** Random numbers from the seed in the file `value`, the same in each build. */
const fill = (out: string, name: string) =>
  `mkdir -p ${out}/opt/${name} && perl -e 'srand(shift); print pack("L", rand(2**32)) for 1..${MEGABYTES * 250_000}' "$(cat value)" >${out}/opt/${name}/numbers`;

const system = [
  "FROM base",
  "ARG SOURCE_DATE_EPOCH",
  "RUN echo strata >/etc/strata && touch --date @$SOURCE_DATE_EPOCH /etc/strata /etc",
  "",
].join("\n");

/** Files of strata's stages. */
export const benchLayers: Readonly<Record<string, string>> = {
  "certificates.pem": "-----BEGIN CERTIFICATE-----\nbench\n-----END CERTIFICATE-----\n",
  "system/Dockerfile": system,
  ...Object.fromEntries(
    names.flatMap((name) => [
      [
        `${name}/Dockerfile`,
        [
          "FROM system AS build",
          "ARG SOURCE_DATE_EPOCH",
          "COPY value value",
          `RUN ${fill("/out", name)} && ${finish}`,
        ].join("\n"),
      ],
      [`${name}/value`, "1\n"],
    ]),
  ),
};

/** The plan of the bench's product. */
export function benchPlan(folder: string, base: string): Plan {
  const layers = [
    sampleLayer("system", [], { role: "system", pins: (test) => ({ base: test.base.digest }) }),
    ...names.map((name) => sampleLayer(name, ["system"], { owns: () => [`/opt/${name}`] })),
  ];
  return plan(
    folder,
    { ...sampleRecipe(layers), name: "bench" },
    {},
    { ...context, base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" } },
  );
}

/** The same files by one Dockerfile, as the field writes them: a step for each, one after the other. */
export const oneDockerfile = [
  "FROM base",
  "RUN echo strata >/etc/strata",
  ...names.flatMap((name) => [`COPY ${name}/value value`, `RUN ${fill("", name)}`]),
  "",
].join("\n");
