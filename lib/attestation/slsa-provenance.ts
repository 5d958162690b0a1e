import { z } from "zod";
import type { Bill, Component } from "../bill/component.ts";
import { imagePurl } from "../bill/purl.ts";
import { predicateTypes, type Statement, statementAbout } from "./statement.ts";

/**
 * How strata makes a product: stages by their keys, put together as they are. docs/supply-chain.md says what each
 * parameter means. Raised where that changes.
 */
export const BUILD_TYPE = "urn:strata:product:v1";

/** https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md */
interface Resource {
  readonly name: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** Who built, and what of it is to be known. */
export interface BuilderFacts {
  /** A URI: a workflow of GitHub at its commit, else this user's own builder. */
  readonly id: string;
  /** Version by name: BuildKit, Node. */
  readonly versions: Readonly<Record<string, string>>;
}

/** `https://host/owner/name/.github/workflows/…@ref` where GitHub runs this, else a builder by its name. */
export function builderId(environment: NodeJS.ProcessEnv, builder: string): string {
  const { GITHUB_ACTIONS, GITHUB_SERVER_URL, GITHUB_WORKFLOW_REF } = environment;
  return GITHUB_ACTIONS === "true" && GITHUB_SERVER_URL && GITHUB_WORKFLOW_REF
    ? `${GITHUB_SERVER_URL}/${GITHUB_WORKFLOW_REF}`
    : `urn:strata:builder:${builder}`;
}

/**
 * Where a product comes from, as SLSA 1 has it. No time and no run is in it, so that the same product by the same builder
 * gives the same bytes.
 *
 * @param stages digest of each stage's image, by name
 */
export function provenance(
  bill: Bill,
  digest: string,
  stages: Readonly<Record<string, string>>,
  builder: BuilderFacts,
): Statement {
  const { recipe, generation, source, revision, base } = bill;
  return statementAbout(recipe, digest, predicateTypes.provenance, {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: { recipe, generation, source, revision },
      internalParameters: {
        product: bill.key,
        stages: Object.fromEntries(bill.stages.map(({ name, key }) => [name, key])),
        inProduct: bill.inProduct,
      },
      resolvedDependencies: [
        ...(base ? [imageResource(`base ${base.name}`, base.name, base.digest)] : []),
        ...revisionOf(bill),
        ...bill.stages.flatMap(({ name }) => stageResource(name, stages[name])),
        ...Object.entries(bill.materials).map(([name, hash]) => materialOf(name, hash)),
        ...bill.components.flatMap(pinnedResource),
      ],
    },
    runDetails: { builder: { id: builder.id, version: builder.versions } },
  });
}

function revisionOf({ source, revision }: Bill): Resource[] {
  const commit = revision?.replace(/-dirty$/, "");
  // What was changed since has no commit: the name says so, and the locks' hashes and the stages' keys what it was.
  const name = revision === commit ? "recipe" : "recipe, with changes that are in no commit";
  return commit ? [{ name, ...(source && { uri: `git+${source}` }), digest: { gitCommit: commit } }] : [];
}

function stageResource(name: string, digest: string | undefined): Resource[] {
  return digest ? [imageResource(`stage ${name}`, name, digest)] : [];
}

function imageResource(name: string, image: string, digest: string): Resource {
  return { name, uri: imagePurl(image, digest), digest: sha256(digest) };
}

/** Locks are files; the checks are many, and have a shortened hash of their own. */
function materialOf(name: string, hash: string): Resource {
  return { name, digest: hash.length === 64 ? { sha256: hash } : { strataKey: hash } };
}

/** Sources at a commit or a hash; wheels are in their lock. */
function pinnedResource({ kind, name, purl, version, hashes, source }: Component): Resource[] {
  if (kind === "source") return [{ name, uri: purl, digest: { gitCommit: version } }];
  const [hash] = (kind === "file" ? hashes : source?.hashes) ?? [];
  const uri = kind === "file" ? purl : source?.purl;
  if (hash && uri) return [{ name, uri, digest: sha256(hash) }];
  const commit = /@([0-9a-f]{40})(?:$|\?)/.exec(uri ?? "")?.[1];
  return commit && uri ? [{ name, uri, digest: { gitCommit: commit } }] : [];
}

function sha256(digest: string): Resource["digest"] {
  return { sha256: digest.replace("sha256:", "") };
}

const stated = z.looseObject({
  buildDefinition: z.looseObject({
    buildType: z.literal(BUILD_TYPE),
    externalParameters: z.looseObject({ revision: z.string().nullable() }),
    internalParameters: z.looseObject({ stages: z.record(z.string(), z.string()) }),
    resolvedDependencies: z.array(
      z.looseObject({ name: z.string(), digest: z.record(z.string(), z.string()) }),
    ),
  }),
});

/** The stages of a product as its provenance has them, and its revision; undefined where it is none of strata's. */
export function statedStages({ predicate }: Statement) {
  const definition = stated.safeParse(predicate).data?.buildDefinition;
  if (!definition) return undefined;
  const { resolvedDependencies: found, internalParameters, externalParameters } = definition;
  const stages = Object.entries(internalParameters.stages).map(([name, key]) => {
    const sha256 = found.find((each) => each.name === `stage ${name}`)?.digest.sha256;
    return [name, { key, digest: sha256 === undefined ? undefined : `sha256:${sha256}` }] as const;
  });
  return { revision: externalParameters.revision, stages: new Map(stages) };
}
