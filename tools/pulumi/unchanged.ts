import { connect } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import { recordedImages } from "../../lib/state/recorded-images.ts";
import { type RecordedStack, recordedStack } from "../../lib/state/recorded-stack.ts";
import { Transport } from "../../oci/access/transport.ts";
import { imageExists } from "../../oci/read/image.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { usesFileBackend } from "../program/environment.ts";
import { recall, writeAtomically } from "../program/files.ts";
import { recallServices, type Services } from "../services/record.ts";
import { needsThisMachine } from "../stack/opened-builders.ts";
import { readOwnState } from "../stack/outputs.ts";
import { ownProject, type Stack, statePath } from "../stack/stack.ts";
import { updateLocks } from "./locks.ts";
import { absentImages } from "./lost-images.ts";
import { failureSince } from "./outvoted-test.ts";
import { differences, hashOfFile, type PlannedBasis, type UpdateBasis, updateBasis } from "./update-basis.ts";

/** `<home>/settled/<stack>.json`: what a whole update that succeeded hung on, and what it left. */
const settledSchema = z.strictObject({
  format: z.literal(1),
  /** When it ended. */
  at: z.iso.datetime(),
  basis: z.record(z.string(), z.string()),
  /** Hash of the stack's state. */
  state: z.string(),
  /** Digests of its tags, here and in other registries. */
  tags: z.record(z.string(), z.string()),
});

/** A stack that is as its last update left it. */
export interface UnchangedStack {
  readonly at: string;
  readonly record: RecordedStack;
  readonly ports: readonly number[];
}

/** A stack of which something differs; its basis where it was taken. */
export interface ChangedStack {
  readonly differs: readonly string[];
  readonly taken?: PlannedBasis;
}

const CONNECT_MS = 300;

/**
 * Whether everything is as the last whole update of the stack `name` left it, so that another one would do nothing: the
 * basis of the update, Pulumi's state, images, tags and evidence in the registry, and the services.
 *
 * @returns what differs, where something does; an empty list where no update is remembered, or nothing can be told
 */
export async function unchangedSince(home: Home, name: string): Promise<UnchangedStack | ChangedStack> {
  const settled = await recall(fileOf(home, name), settledSchema);
  if (!settled || !usesFileBackend()) return { differs: [] };
  const stack = { name, project: await ownProject() };
  if (updateLocks(home, stack).length > 0) return { differs: ["another update"] };
  const taken = await updateBasis(home, name);
  const { basis, planned } = taken;
  const changed = differences(settled.basis, basis);
  if ((await hashOfFile(statePath(home, stack))) !== settled.state) changed.push("Pulumi's state");
  if (changed.length > 0 || asksTheCloud(planned.config)) return { differs: changed, taken };

  const read = await readOwnState(home, stack);
  if ("missing" in read) return { differs: ["Pulumi's state"], taken };
  const transport = new Transport({ attempts: 1 });
  const services = await recallServices(home);
  const { recipe } = planned.plan;
  const record = recordedStack(read.state, recipe);
  const asked: Record<string, Promise<boolean>> = {
    "its images": absentImages(recordedImages(read.state, recipe).images, (image) =>
      imageExists(image, transport),
    ).then((absent) => absent.length === 0),
    "its tags": digestsOf(Object.keys(settled.tags), transport).then(
      (now) => differences(settled.tags, now).length === 0,
    ),
    "its evidence": failureSince(record, transport).then((failure) => failure === undefined),
    "what the services answer": needsThisMachine(planned.config)
      ? servicesAnswer(services, (image) => imageExists(image, transport), planned.base.reference)
      : Promise.resolve(true),
  };
  const answers = await Promise.all(
    // What cannot be asked is not known to be as it was.
    Object.entries(asked).map(async ([what, answer]) => ((await answer.catch(() => false)) ? [] : [what])),
  );
  const differs = answers.flat();
  return differs.length > 0 ? { differs, taken } : { at: settled.at, record, ports: planned.plan.ports };
}

/**
 * Remembers a whole update that succeeded.
 *
 * @param basis as it was before the update: what was edited meanwhile may not have been built
 */
export async function rememberUpdate(home: Home, stack: Stack, basis: UpdateBasis): Promise<void> {
  if (!usesFileBackend()) return;
  const read = await readOwnState(home, stack);
  if ("missing" in read) return;
  const { product } = recordedStack(read.state);
  const { tags = [], copies = [] } = promoted.safeParse(product).data ?? {};
  const found = await digestsOf([...tags, ...copies.flat()], new Transport({ attempts: 2 })).catch(
    () => undefined,
  );
  if (!found) return;
  const settled: z.infer<typeof settledSchema> = {
    format: 1,
    at: new Date().toISOString(),
    basis,
    state: await hashOfFile(statePath(home, stack)),
    tags: found,
  };
  await writeAtomically(fileOf(home, stack.name), `${JSON.stringify(settled, null, 2)}\n`, 0o600);
}

const promoted = z.object({ tags: z.array(z.string()), copies: z.array(z.array(z.string())) });

/** Where a preview and an update ask AWS, things may differ that no file tells of. */
function asksTheCloud({ registry, copies, host }: Config): boolean {
  return [registry, ...copies].some(({ kind }) => kind === "ecr") || host.some(({ kind }) => kind === "aws");
}

async function digestsOf(tags: readonly string[], transport: Transport): Promise<Record<string, string>> {
  const digests = tags.map(async (tag) => [tag, (await digestOfTag(tag, transport)) ?? "absent"] as const);
  return Object.fromEntries(await Promise.all(digests));
}

/** Whether builder and registry are there for a next update, and the base image that was made here. */
async function servicesAnswer(
  services: Services | undefined,
  exists: (reference: string) => Promise<boolean>,
  base: string,
): Promise<boolean> {
  if (!services) return false;
  const { builder, registry } = services;
  if (base.startsWith(`${registry.address}/`) && !(await exists(base))) return false;
  // A Docker builder is a container of the engine that the registry answers from; buildx starts it where it stands still.
  return builder.kind === "docker" || (await listens(builder.address));
}

/** @param address `unix://` and the path as it is, spaces too */
function listens(address: string): Promise<boolean> {
  const socket = connect(address.replace("unix://", ""));
  return new Promise((resolve) => {
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(CONNECT_MS, () => end(false));
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}

function fileOf(home: Home, name: string): string {
  return join(home.settled, `${name}.json`);
}
