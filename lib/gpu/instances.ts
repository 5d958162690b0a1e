import type { ComputeCapability } from "./generations.ts";

/** EC2 instance types that products are tested on; where the figures come from: `generationSources`. */

/** An EC2 instance type that a product can be tested on. */
export interface Instance {
  readonly type: string;
  readonly card: string;
  readonly cards: number;
  /** Memory of one card, GiB. */
  readonly memoryGiB: number;
  /** Memory of the machine, GiB. */
  readonly ramGiB: number;
  readonly processors: number;
  /** Disks of its own, GB in all. */
  readonly diskGb: number;
  /** US dollars, on demand, Linux, us-east-1. */
  readonly dollarsPerHour: number;
}

/**
 * Where each capability can be had, the one to ask for first in front. 8.0 and 10.0 exist with eight cards only. The
 * AMIs list g7e and not yet g7 (docs/hosts.md), so g7 comes second.
 */
const instances: { readonly [capability in ComputeCapability]: readonly Instance[] } = {
  "7.5": [
    instance("g4dn.xlarge", "T4", 1, 16, 16, 4, 125, 0.526),
    instance("g4dn.2xlarge", "T4", 1, 16, 32, 8, 225, 0.752),
  ],
  "8.0": [
    instance("p4d.24xlarge", "A100", 8, 40, 1152, 96, 8000, 21.957642),
    instance("p4de.24xlarge", "A100", 8, 80, 1152, 96, 8000, 27.44705),
  ],
  "8.6": [
    instance("g5.xlarge", "A10G", 1, 24, 16, 4, 250, 1.006),
    instance("g5.2xlarge", "A10G", 1, 24, 32, 8, 450, 1.212),
  ],
  "8.9": [
    instance("g6.xlarge", "L4", 1, 24, 16, 4, 250, 0.8048),
    instance("g6.2xlarge", "L4", 1, 24, 32, 8, 450, 0.9776),
    instance("g6e.xlarge", "L40S", 1, 48, 32, 4, 250, 1.861),
  ],
  "9.0": [instance("p5.4xlarge", "H100", 1, 80, 256, 16, 3800, 6.88)],
  "10.0": [instance("p6-b200.48xlarge", "B200", 8, 183, 2048, 192, 30400, 113.9328)],
  "12.0": [
    instance("g7e.2xlarge", "RTX PRO 6000", 1, 96, 64, 8, 1900, 3.363),
    instance("g7.2xlarge", "RTX PRO 4500", 1, 32, 32, 8, 440, 2.52),
  ],
};

/** The same cards beside more memory, for images whose own workflows need it. */
const roomier: { readonly [capability in ComputeCapability]?: readonly Instance[] } = {
  "8.6": [instance("g5.4xlarge", "A10G", 1, 24, 64, 16, 600, 1.624)],
  "8.9": [
    instance("g6.4xlarge", "L4", 1, 24, 64, 16, 600, 1.3232),
    instance("g6e.2xlarge", "L40S", 1, 48, 64, 8, 450, 2.24208),
  ],
};

/** The instance types with a card of this capability, the one to ask for first in front. */
export function instancesFor(capability: ComputeCapability): readonly Instance[] {
  return instances[capability];
}

/** Instance types that are asked for only where those of `instancesFor` have too little memory. */
export function roomierInstances(capability: ComputeCapability): readonly Instance[] {
  return roomier[capability] ?? [];
}

function instance(
  type: string,
  card: string,
  cards: number,
  memoryGiB: number,
  ramGiB: number,
  processors: number,
  diskGb: number,
  dollarsPerHour: number,
): Instance {
  return { type, card, cards, memoryGiB, ramGiB, processors, diskGb, dollarsPerHour };
}
