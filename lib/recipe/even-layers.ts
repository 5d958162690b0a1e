import { createHash } from "node:crypto";
import type { Distribution } from "../locks/python-lock.ts";
import { stageCopies } from "./dockerfile.ts";
import type { Layer, LayerContext } from "./layer.ts";

/** MB of a wheel that has a layer of its own. */
const ALONE = 128;

/** MB that layers of several wheels are to have, about. */
const EVEN = 200;

/** What is left of a stage where it is too small to be a layer beside others. */
const LEAST = ALONE / 2;

type Sized = Pick<Distribution, "name" | "megabytes">;

/**
 * The wheels of each layer that a stage comes as, so that engines fetch and unpack several at a time; the last layer has all
 * that is not named. A wheel's layer follows from its name and size alone: when one moves, the others stay where they are.
 * Undefined where one layer is enough.
 */
export function layerShares(installed: readonly Sized[]): readonly (readonly string[])[] | undefined {
  const alone = installed.filter(({ megabytes = 0 }) => megabytes >= ALONE);
  const others = installed.filter((each) => !alone.includes(each));
  const megabytes = others.reduce((sum, each) => sum + (each.megabytes ?? 0), 0);
  const count = Math.max(1, Math.round(megabytes / EVEN));
  // What shares a layer with nobody would be a small one, and the rest of the stage the large one that it was.
  if (alone.length + count < 2 || (alone.length === 1 && megabytes < LEAST)) return undefined;
  const bins = Array.from({ length: count }, (): string[] => []);
  for (const { name } of others) bins[binOf(name, count)]?.push(name);
  return [...alone.map(({ name }) => [name]), ...bins.slice(0, -1)].filter((names) => names.length > 0);
}

/** Of the layers that several wheels share, that of a name. With another number of layers only few change theirs. */
function binOf(name: string, count: number): number {
  const weights = Array.from({ length: count }, (_, bin) =>
    createHash("sha256").update(`${name} ${bin}`).digest().readUInt32BE(),
  );
  return weights.indexOf(Math.max(...weights));
}

/** The script that installs ends the step's command; what it left in `/out` is shared out in the same step. */
const installStep = /sh -eu \/context\/install-\w+\.sh$/m;

const listed = "layers.json";
const shareCommand = `python3 -B /context/share_out.py /context/${listed}`;

/** Whether a stage comes as several layers, by the sizes of its wheels. */
export function isShared({ files }: { readonly files: readonly { readonly path: string }[] }): boolean {
  return files.some(({ path }) => path === listed);
}

/**
 * The layer as it is built where its wheels are enough for several layers; the same layer where they are not, and where a
 * Dockerfile of its own installs them in another way.
 */
export function evenLayer(layer: Layer, installed: readonly Distribution[], context: LayerContext): Layer {
  const shares = layerShares(installed);
  const text = shares ? (layer.dockerfile?.(layer.parents(context), context) ?? "") : "";
  const whole = stageCopies(["/out"]);
  if (!shares || !installStep.test(text) || !text.includes(whole)) return layer;
  const folders = [...shares.keys()].map((index) => `/layers/${index + 1}`);
  return {
    ...layer,
    shared: [...(layer.shared ?? []), "shared/share_out.py"],
    generated: (...args) => ({
      ...layer.generated?.(...args),
      [listed]: `${JSON.stringify(shares, null, 2)}\n`,
    }),
    dockerfile: () =>
      text.replace(installStep, `$& && ${shareCommand}`).replace(whole, stageCopies([...folders, "/out"])),
  };
}
