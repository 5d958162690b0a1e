import { type CustomNode, gitRepositoryName, isAddress, type Replacement } from "../comfyui/custom-nodes.ts";
import { isForImages } from "../locks/marker.ts";
import type { NodeCheckout } from "../locks/node-lock.ts";
import { parseRequirement } from "../locks/requirement.ts";
import type { LeftOut } from "./inventory.ts";

/** A node as the recipe names it, and what of it is not taken over. */
export interface FittedNode {
  readonly node: CustomNode;
  readonly left: readonly LeftOut[];
}

/**
 * What strata knows of a node, as far as it holds at another commit, and what a lock would refuse there with a reason of
 * its own: a recipe that was imported has to be planned before somebody looks at every node.
 */
export function fitNode(node: CustomNode, checkout: NodeCheckout): FittedNode {
  const { replace: known = {}, install, pointers, ...rest } = node;
  const lines = node.disabled === undefined ? Object.values(checkout.requirements).flat() : [];
  const kept = Object.entries(known).filter(([line]) => lines.includes(line));
  const refused = [...new Set(lines)].filter((line) => !(line in known)).flatMap(refusal);
  const replace = Object.fromEntries<Replacement>([...kept, ...refused]);
  const runs = checkout.scripts.includes("install.py");
  const isWithoutContent = checkout.pointers.length > 0;
  const name = gitRepositoryName(node.repository);
  return {
    node: {
      ...rest,
      ...(Object.keys(replace).length > 0 ? { replace } : {}),
      ...(install && runs ? { install } : {}),
      ...(isWithoutContent ? { pointers: pointers ?? unknownPointers } : {}),
    },
    left: [
      ...refused.map(([line, { reason }]) => ({ what: `${name}: requirement ${line}`, reason })),
      ...(runs && !install && node.disabled === undefined
        ? [
            {
              what: `${name}: install.py`,
              reason: "no script runs while an image is built unless the recipe lets it (`install`)",
            },
          ]
        : []),
      ...(isWithoutContent && pointers === undefined
        ? [
            {
              what: `${name}: ${checkout.pointers.join(", ")}`,
              reason: "git LFS has the content, and the repository has a pointer",
            },
          ]
        : []),
    ],
  };
}

const unknownPointers = "imported as it is: nobody has looked whether it works without them";

function refusal(line: string): [string, Replacement][] {
  if (isAddress(line) && isForImages(line)) {
    return [
      [
        line,
        { use: [], reason: "an address, which nothing pins; name a package or a git package in its place" },
      ],
    ];
  }
  if (isAddress(line) || parseRequirement(line)) return [];
  return [[line, { use: [], reason: "is no Python requirement" }]];
}
