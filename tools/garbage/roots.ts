import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Home } from "../../home.ts";
import { meaningOf, type Root } from "../../lib/garbage/contents.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { formatReference, type Reference } from "../../oci/references.ts";
import { sharedCaches } from "../compiler-cache/shared-caches.ts";
import { usesFileBackend } from "../program/environment.ts";
import { readPromotions } from "../promotion/promotion-history.ts";
import { plannedStack, readState } from "../stack/outputs.ts";
import { namedStacks, type Stack, statePath } from "../stack/stack.ts";

/** Every digest that a text names. */
const digests = /sha256:[0-9a-f]{64}/g;

/** The stacks whose states there are: those with a file, and in our own backend those that had one. */
export async function knownStacks(home: Home, project: string): Promise<string[]> {
  if (!usesFileBackend()) return namedStacks();
  const folder = dirname(statePath(home, { project, name: "any" }));
  const files = await readdir(folder).catch(() => []);
  const states = files.flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
  return [...new Set([...namedStacks(), ...states])].sort();
}

/** What is needed by its digest, and by its tag. */
export interface Named {
  readonly roots: readonly Root[];
  readonly tags: ReadonlyMap<string, string>;
}

/** A tag that strata gives by itself, after the name of its repository. */
const workingTags = /:((?:stage|product|cache)-[A-Za-z0-9._-]+)/g;

/**
 * What the states of stacks name, whatever it is: stages, products, joined images, copies, evidence; caches by their tags. A
 * state of another form than today's says it as well.
 */
export async function stateRoots(home: Home, stacks: readonly Stack[]): Promise<Named> {
  const roots: Root[] = [];
  const tags = new Map<string, string>();
  for (const stack of stacks) {
    const read = await readState(home, stack);
    if ("missing" in read) continue;
    const text = JSON.stringify(read.state);
    const reason = `stack ${stack.name}`;
    for (const digest of new Set(text.match(digests) ?? [])) roots.push({ digest, reason });
    for (const [, tag = ""] of text.matchAll(workingTags)) tags.set(tag, reason);
  }
  return { roots, tags };
}

/** The tags that the next updates want, so that what an interrupted one has built is not built again. */
export async function plannedTags(home: Home): Promise<Map<string, string>> {
  const tags = new Map<string, string>();
  for (const name of namedStacks()) {
    // A stack whose file is wrong plans nothing: its state still counts.
    const planned = await plannedStack(home, { name }).catch(() => undefined);
    const reason = `next update of ${name}`;
    for (const stage of planned?.plan.stages ?? []) {
      tags.set(stageTag(stage), reason);
      tags.set(`cache-${stage.name}-${stage.cacheKey}`, reason);
    }
    if (!planned?.config.compilerCache) continue;
    for (const { series } of sharedCaches(planned)) tags.set(series, reason);
  }
  return tags;
}

/**
 * What a rollback may want: where each tag points by its history, and has pointed.
 *
 * @param most of the newest entries of each tag
 */
export async function promotionRoots(
  target: Reference,
  tags: Iterable<string>,
  most: number,
  transport: Transport,
): Promise<Root[]> {
  const roots: Root[] = [];
  for (const tag of tags) {
    const meaning = meaningOf(tag);
    if (meaning.kind !== "history") continue;
    const { entries } = await readPromotions(formatReference(target), meaning.of, transport);
    for (const { digest, evidence } of entries.toReversed().slice(0, most)) {
      roots.push({ digest, reason: `was ${meaning.of}` });
      if (evidence !== null) roots.push({ digest: evidence, reason: `evidence for ${meaning.of}` });
    }
  }
  return roots;
}
