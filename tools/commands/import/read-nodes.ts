import { UserError } from "../../../errors.ts";
import {
  type CustomNode,
  type GitSource,
  gitRepositoryName,
  nodeFolder,
} from "../../../lib/comfyui/custom-nodes.ts";
import { fitNode } from "../../../lib/import/fit-node.ts";
import type { LeftOut } from "../../../lib/import/inventory.ts";
import type { ImportedNode } from "../../../lib/import/recipe-text.ts";
import { inParallel } from "../../../lib/in-parallel.ts";
import type { CoolDown } from "../../../lib/lock-making/cool-down.ts";
import type { NodeCheckout, NodeLock } from "../../../lib/locks/node-lock.ts";
import { node as knownNode } from "../../../recipes/comfyui-nodes.ts";
import { lockNodes } from "../../lock/lock-nodes.ts";
import type { PinnedNode } from "./find-nodes.ts";
import { inOneLine, isUnreachable } from "./import-failure.ts";

/** What reading repositories needs to know. */
export interface Reading {
  /** strata's own lock: what it has at the wanted ref is not read again. */
  readonly strata: NodeLock;
  readonly mirrors: Readonly<Record<string, string>>;
  /** Of commits that no ref pins. */
  readonly coolDown: CoolDown;
}

/** A node as the recipe will name it; without a checkout where its repository cannot be reached now. */
export interface ReadNode {
  readonly written: ImportedNode;
  readonly checkout: NodeCheckout | undefined;
  readonly how: string | null;
}

/** What came of all of them. */
export interface ReadNodes {
  readonly nodes: readonly ReadNode[];
  readonly left: readonly LeftOut[];
  /** Why not everything could be read: a network that is not there. */
  readonly unreachable: string | undefined;
}

const AT_ONCE = 4;

/** Reads every node at its commit. One that is gone is left out; where nothing can be reached, all stay. */
export async function readNodes(
  pinned: readonly PinnedNode[],
  reading: Reading,
  say: (detail: string) => void,
): Promise<ReadNodes> {
  let done = 0;
  const results = await inParallel(AT_ONCE, pinned, async (each) => {
    const result = await readNode(each, reading);
    say(`${++done} of ${pinned.length}, ${gitRepositoryName(each.repository)}`);
    return result;
  });
  const nodes = results.flatMap((result) => ("written" in result ? [result] : []));
  const inTheWay = nodes.filter((each) => nodes.find((other) => folderOf(other) === folderOf(each)) !== each);
  return {
    nodes: nodes.filter((each) => !inTheWay.includes(each)),
    left: [
      ...results.flatMap(({ left }) => left),
      ...inTheWay.map((each) => ({
        what: `node ${each.written.node.repository}`,
        reason: `another one lies in custom_nodes/${folderOf(each)} already`,
      })),
    ],
    unreachable: results
      .map((result) => ("written" in result ? result.unreachable : undefined))
      .find((text) => text !== undefined),
  };
}

/** Where it lies, switched off or not. */
function folderOf({ written }: ReadNode): string {
  return nodeFolder(written.node)
    .replace(/\.disabled$/, "")
    .toLowerCase();
}

interface Result extends ReadNode {
  readonly left: readonly LeftOut[];
  readonly unreachable?: string;
}

async function readNode(
  pin: PinnedNode,
  reading: Reading,
): Promise<Result | { readonly left: readonly LeftOut[] }> {
  const { more, name } = basics(pin, reading.strata);
  const known: CustomNode =
    name === undefined ? { repository: pin.repository, ...more } : knownNode(name, more);
  const what = `node ${pin.repository}`;
  try {
    const { node, checkout } = await readFitting(known, more, reading);
    const fitted = fitNode(node, checkout);
    return { written: written(fitted.node, name, more), checkout, how: pin.how, left: fitted.left };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (!isUnreachable(error)) return { left: [{ what, reason: inOneLine(error) }] };
    return {
      written: written(known, name, more),
      checkout: undefined,
      how: pin.how,
      left: [],
      unreachable: inOneLine(error),
    };
  }
}

/** What the import itself says of a node; by its name where it is on GitHub, in strata's own spelling. */
function basics({ found, repository, ref }: PinnedNode, strata: NodeLock) {
  const [, onGitHub] = /^https:\/\/github\.com\/([^/]+\/[^/]+)$/.exec(repository) ?? [];
  const spelling = Object.keys(strata.repositories).find(
    (each) => each.toLowerCase() === onGitHub?.toLowerCase(),
  );
  const name = onGitHub === undefined ? undefined : (spelling ?? onGitHub);
  const own = name?.split("/")[1] ?? repository.split("/").at(-1);
  const more: Partial<CustomNode> = {
    ...(ref === null ? {} : { ref }),
    ...(found.folder === null || found.folder === own ? {} : { folder: found.folder }),
    ...(found.disabled ? { disabled: "off in what was imported" } : {}),
  };
  return { name, more };
}

/** Tries what strata knows of the node, then the node alone, then without requirements: Manager takes no other file. */
async function readFitting(known: CustomNode, more: Partial<CustomNode>, reading: Reading) {
  const plain: CustomNode = { repository: known.repository, ...more };
  const candidates = [known, plain, { ...plain, requirements: [] }];
  for (const [index, node] of candidates.entries()) {
    try {
      return { node, checkout: await checkoutOf(node, reading) };
    } catch (error) {
      const mayFit =
        error instanceof UserError &&
        /is requirements\.txt|it has .*requirement files|no submodule/.test(error.problem);
      if (!mayFit || index === candidates.length - 1) throw error;
    }
  }
  throw new Error("unreachable");
}

/** A repository at its ref, as a lock has it. */
export async function checkoutOf(
  source: GitSource & Pick<CustomNode, "requirements" | "omit">,
  { strata, mirrors, coolDown }: Reading,
): Promise<NodeCheckout> {
  const name = gitRepositoryName(source.repository);
  const ref = source.ref ?? "HEAD";
  const locked = strata.repositories[name];
  if (locked?.repository === source.repository && locked.ref === ref) return locked;
  const { requirements, omit } = source;
  const named = {
    name,
    repository: source.repository,
    ref,
    ...(requirements ? { requirements } : {}),
    ...(omit ? { omit: Object.keys(omit).sort() } : {}),
  };
  const { repositories } = await lockNodes(
    { repositories: [named], packages: [] },
    mirrors,
    undefined,
    coolDown,
  );
  const checkout = repositories[name];
  if (!checkout) throw new Error(`no checkout of ${name}`);
  return checkout;
}

/** In a recipe's words: short where that says the same. */
function written(node: CustomNode, name: string | undefined, more: Partial<CustomNode>): ImportedNode {
  if (name === undefined) return { node };
  const isSame = JSON.stringify(sorted(knownNode(name, more))) === JSON.stringify(sorted(node));
  return isSame ? { node, short: { name, more } } : { node };
}

function sorted(node: CustomNode): object {
  return Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1)));
}
