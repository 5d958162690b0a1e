import type { ComputeCapability } from "./generations.ts";
import type { Instance } from "./instances.ts";
import { instancesFor, roomierInstances } from "./instances.ts";

const GIB = 2 ** 30;
/** Of a card's memory, beside the largest model: CUDA itself, and what is computed. */
const WORK_BYTES = 2 * GIB;

/** Memory that a test takes, in bytes: of a card, and of its machine. */
export interface MemoryNeed {
  readonly gpu: number;
  readonly ram: number;
}

/**
 * What models take that are in an image, and that its own workflows load: the largest one lies on the card as a whole, and
 * all of them in the machine's memory, where ComfyUI keeps what it does not need on the card at the moment. An estimate.
 */
export function memoryNeed(sizes: readonly number[]): MemoryNeed {
  return { gpu: Math.max(...sizes) + WORK_BYTES, ram: sizes.reduce((sum, size) => sum + size, 0) };
}

/** The instance types with a card of this capability and with that much memory, the one to ask for first in front. */
export function instancesWith(
  capability: ComputeCapability,
  need: MemoryNeed | undefined,
): readonly Instance[] {
  if (!need) return instancesFor(capability);
  const fits = (instance: Instance) => hasMemory(instance, need);
  const ordinary = instancesFor(capability).filter(fits);
  return ordinary.length > 0 ? ordinary : roomierInstances(capability).filter(fits);
}

/** Whether one card of an instance, and its machine, have that much. */
export function hasMemory({ memoryGiB, ramGiB }: Instance, need: MemoryNeed): boolean {
  return memoryGiB * GIB >= need.gpu && ramGiB * GIB >= need.ram;
}

/** `a card of 17 GiB and 35 GiB of memory`. */
export function describeNeed({ gpu, ram }: MemoryNeed): string {
  return `a card of ${Math.ceil(gpu / GIB)} GiB and ${Math.ceil(ram / GIB)} GiB of memory`;
}

/** What a machine lacks, given the free bytes of its first card and those of its own memory; undefined: nothing. */
export function lacking(need: MemoryNeed, { gpu, ram }: MemoryNeed): string | undefined {
  const found = [
    ...(gpu < need.gpu ? [`a card with ${(gpu / GIB).toFixed(1)} GiB free`] : []),
    ...(ram < need.ram ? [`${(ram / GIB).toFixed(1)} GiB of memory`] : []),
  ];
  return found.length > 0
    ? `has ${found.join(" and ")}; the image's own workflow needs ${describeNeed(need)}`
    : undefined;
}
