import { z } from "zod";
import type { BuilderFacts } from "./slsa-provenance.ts";
import { predicateTypes, type Statement, statementAbout } from "./statement.ts";

/** BuildKit's own predicate, as far as it is touched: moby/buildkit 0.31.1, slsa-definitions.md. */
const buildkitPredicate = z.looseObject({
  buildDefinition: z.looseObject({
    externalParameters: z.looseObject({
      request: z.looseObject({ compatibilityVersion: z.number().optional() }).optional(),
    }),
    internalParameters: z.looseObject({ dockerfileVersion: z.string().optional() }).optional(),
  }),
  runDetails: z.looseObject({
    builder: z.looseObject({ version: z.record(z.string(), z.string()).optional() }),
    metadata: z.looseObject({ buildkit_metadata: z.looseObject({}).optional() }).optional(),
  }),
});

/**
 * What BuildKit has written down of a stage's build, as a statement about its image. It leaves open who built; how busy the
 * machine was is for nobody else.
 *
 * @returns undefined where it is no such predicate
 */
export function stageProvenance(
  name: string,
  digest: string,
  written: unknown,
  builder: BuilderFacts,
): Statement | undefined {
  const predicate = buildkitPredicate.safeParse(written).data;
  if (!predicate) return undefined;
  const { runDetails } = predicate;
  const { buildkit_metadata: more, ...metadata } = runDetails.metadata ?? {};
  const { sysUsage: _, ...rest } = more ?? {};
  return statementAbout(name, digest, predicateTypes.provenance, {
    ...predicate,
    runDetails: {
      ...runDetails,
      builder: { ...runDetails.builder, id: builder.id, version: builder.versions },
      metadata: { ...metadata, ...(more && { buildkit_metadata: rest }) },
    },
  });
}

/** Versions on which a layer's bytes hang, as far as a predicate says them. */
export function buildVersions(written: unknown): Record<string, string> {
  const { buildDefinition, runDetails } = buildkitPredicate.safeParse(written).data ?? {};
  const compatibility = buildDefinition?.externalParameters.request?.compatibilityVersion;
  const dockerfile = buildDefinition?.internalParameters?.dockerfileVersion;
  const buildkit = runDetails?.builder.version?.buildkit;
  return {
    ...(buildkit && { BuildKit: buildkit }),
    ...(compatibility !== undefined && { compatibilityVersion: String(compatibility) }),
    ...(dockerfile && { dockerfileVersion: dockerfile }),
  };
}
