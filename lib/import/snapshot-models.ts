import { z } from "zod";
import { foundModels, type ModelClaim } from "./found-model.ts";
import type { FoundModel, LeftOut } from "./inventory.ts";
import { shownText } from "./safe-names.ts";

/** Models in comfy-pack's `snapshot.json`. */
export const packModelsSchema = z.array(
  z.object({
    filename: z.string(),
    size: z.number().nullish(),
    sha256: z.string().nullish(),
    disabled: z.boolean().nullish(),
    source: z.object({ download_url: z.string().nullish() }).nullish(),
  }),
);

/** Models in comfy-cli's lock. */
export const lockModelsSchema = z.array(
  z.object({
    model: z.string().nullish(),
    url: z.string().nullish(),
    paths: z.array(z.union([z.string(), z.object({ path: z.string() })])).nullish(),
    hashes: z.array(z.object({ hash: z.string(), type: z.string() })).nullish(),
  }),
);

interface Models {
  readonly models: readonly FoundModel[];
  readonly left: readonly LeftOut[];
}

/** What a pack would install. */
export function modelsOfPack(models: z.infer<typeof packModelsSchema>): Models {
  const off = models.filter(({ disabled }) => disabled);
  const found = foundModels(
    models
      .filter(({ disabled }) => !disabled)
      .map(({ filename, size, sha256, source }) => ({
        path: filename,
        url: source?.download_url ?? undefined,
        sha256: sha256 ?? undefined,
        size: size ?? undefined,
      })),
  );
  const left = off.map(({ filename }) => ({
    what: `model ${shownText(filename)}`,
    reason: "is switched off in the pack",
  }));
  return { models: found.models, left: [...found.left, ...left] };
}

/** A model at each of its paths; of its hashes those that tell one file from all others. */
export function modelsOfLock(models: z.infer<typeof lockModelsSchema>): Models {
  return foundModels(
    models.flatMap(({ model, url, paths, hashes }): ModelClaim[] => {
      const hash = (type: string) => hashes?.find((each) => each.type.toUpperCase() === type)?.hash;
      const places = (paths ?? []).map((each) => (typeof each === "string" ? each : each.path));
      const sha256 = hash("SHA256") ?? hash("AUTOV2");
      // A folder, or the file itself.
      const named = places.map((path) =>
        /\.\w+$/.test(path) || !model ? path : `${path.replace(/\/$/, "")}/${model}`,
      );
      return (named.length > 0 ? named : [model ?? ""]).map((path) => ({
        path,
        url: url ?? undefined,
        sha256,
      }));
    }),
  );
}
