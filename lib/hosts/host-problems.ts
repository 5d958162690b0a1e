import { UserError } from "../../errors.ts";
import type { Generation } from "../gpu/generations.ts";
import { type Instance, instancesFor, roomierInstances } from "../gpu/instances.ts";
import { describeNeed, type MemoryNeed } from "../gpu/memory.ts";
import { budgetProblems, expenseProblems } from "../machines/rented.ts";
import type { RegistrySetting } from "../registry/registry-setting.ts";
import {
  type AwsSetting,
  type Budget,
  ESTIMATED_MINUTES,
  type HostSetting,
  isGpuBuilder,
  permittedInstances,
} from "./host-setting.ts";

/** What does not fit between a stack's hosts, its generation and its budget. */
export function hostProblems(
  hosts: readonly HostSetting[],
  generation: Generation,
  budget: Budget,
): UserError[] {
  const isPlain = (host: HostSetting) => host.kind === "builder" && !isGpuBuilder(host);
  return [
    ...(hosts.some(isPlain) && hosts.length > 1
      ? [
          new UserError(
            "strata:host",
            "the builder cannot stand in for another host: without gpu it has none.",
            'Name hosts of the kinds docker, ssh and aws, {"kind": "builder", "gpu": true}, or {"kind": "builder"} alone.',
          ),
        ]
      : []),
    ...hosts.flatMap((setting, index) =>
      isPlain(setting) && setting.kind === "builder" && setting.frontend !== undefined
        ? [
            new UserError(
              `${hosts.length > 1 ? `strata:host.${index}` : "strata:host"}.frontend`,
              "is for tests on the builder's GPU alone.",
              "Remove it, or set gpu: true.",
            ),
          ]
        : [],
    ),
    ...hosts.flatMap((setting, index) => {
      const path = hosts.length > 1 ? `strata:host.${index}` : "strata:host";
      if (setting.kind === "aws") return awsProblems(setting, path, generation, budget);
      if (!setting.gpu || generation.testedOn !== null) return [];
      return [
        new UserError(
          `${path}.gpu`,
          `generation ${generation.name} has nothing to test on a GPU.`,
          "Remove it, or set strata:generation.",
        ),
      ];
    }),
    ...hosts.flatMap((setting, index) =>
      setting.kind === "ssh" && setting.dollarsPerHour !== undefined
        ? costProblem(
            hosts.length > 1 ? `strata:host.${index}` : "strata:host",
            setting.address,
            setting.dollarsPerHour,
            budget,
          )
        : [],
    ),
  ];
}

/** Registries that an instance on EC2 cannot pull from: it would be rented for nothing, and another one in the next zone. */
export function reachProblems(hosts: readonly HostSetting[], registry: RegistrySetting): UserError[] {
  const reason = unreachable(registry);
  if (reason === undefined || !hosts.some(({ kind }) => kind === "aws")) return [];
  return [
    new UserError(
      "strata:registry",
      `${reason}, where an instance on EC2 cannot pull from.`,
      "Set strata:registry to one that the internet reaches on port 443 (docs/registries.md), or another strata:host.",
    ),
  ];
}

/** Instances may connect to port 443 by IPv4 (components/hosts/aws-host.ts). */
function unreachable(registry: RegistrySetting): string | undefined {
  if (registry.kind === "local") return "is the local one, on a loopback address of this machine";
  if (registry.kind !== "oci") return undefined;
  const { hostname, port } = new URL(`https://${registry.address}`);
  if (/^(.+\.)?localhost$|^127(\.\d+){3}$/.test(hostname))
    return `${registry.address} is on a loopback address`;
  if (hostname.startsWith("[")) return `${registry.address} is an address of IPv6`;
  // A URL names no port that its scheme has anyway.
  return port === "" ? undefined : `${registry.address} is on port ${port} and not on 443`;
}

function awsProblems(setting: AwsSetting, path: string, generation: Generation, budget: Budget): UserError[] {
  if (generation.testedOn === null) {
    return [
      new UserError(
        path,
        `generation ${generation.name} needs no GPU, and instances of kind aws have one.`,
        'Use {"kind": "builder"}, or set strata:generation.',
      ),
    ];
  }
  const { capability } = setting;
  if (capability && !generation.computeCapabilities.includes(capability)) {
    return [
      new UserError(
        `${path}.capability`,
        `generation ${generation.name} is not for ${capability}.`,
        `Use one of ${generation.computeCapabilities.join(", ")}.`,
      ),
    ];
  }
  const tested = capability ?? generation.testedOn;
  const suitableTypes = [...instancesFor(tested), ...roomierInstances(tested)].map(({ type }) => type);
  const unknown = (setting.instances ?? []).filter((type) => !suitableTypes.includes(type));
  return [
    ...unknown.map(
      (type) =>
        new UserError(
          `${path}.instances`,
          `${type} is not known to have a card of ${capability ?? generation.testedOn}.`,
          `Use ${suitableTypes.join(", ")}, or set ${path}.capability.`,
        ),
    ),
    ...priceProblems(setting, path, permittedInstances(setting, generation), budget),
  ];
}

function priceProblems(
  setting: AwsSetting,
  path: string,
  instances: readonly Instance[],
  budget: Budget,
): UserError[] {
  return instances.flatMap((instance) => [
    ...expenseProblems(path, instance, setting.allowExpensive, `choose another ${path}.capability`),
    ...costProblem(path, instance.type, instance.dollarsPerHour, budget),
  ]);
}

/** What does not fit between a stack's hosts and the models in its image, whose workflows a test runs. */
export function memoryProblems(
  hosts: readonly HostSetting[],
  generation: Generation,
  budget: Budget,
  memory: MemoryNeed | undefined,
): UserError[] {
  if (!memory) return [];
  return hosts.flatMap((setting, index) => {
    if (setting.kind !== "aws") return [];
    const path = hosts.length > 1 ? `strata:host.${index}` : "strata:host";
    const instances = permittedInstances(setting, generation, memory);
    if (instances.length > 0) return priceProblems(setting, path, instances, budget);
    const known = permittedInstances(setting, generation).map(({ type }) => type);
    return [
      new UserError(
        path,
        `the image's own workflow needs ${describeNeed(memory)}, which ${known.join(", ")} cannot give.`,
        `Choose another ${path}.capability or strata:generation, a host of the kind ssh, or another strategy in strata:models.`,
      ),
    ];
  });
}

function costProblem(path: string, name: string, dollarsPerHour: number, budget: Budget): UserError[] {
  const expected = { dollarsPerHour, minutes: ESTIMATED_MINUTES };
  return budgetProblems(path, `a test on ${name} takes`, expected, budget, "choose another host");
}
