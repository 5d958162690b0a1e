import { UserError } from "../../errors.ts";
import { EXPENSIVE_DOLLARS_PER_HOUR, type Generation, instancesFor } from "../gpu/generations.ts";
import {
  type AwsSetting,
  type Budget,
  ESTIMATED_MINUTES,
  type HostSetting,
  permittedInstances,
} from "./host-setting.ts";

/** What does not fit between a stack's hosts, its generation and its budget. */
export function hostProblems(
  hosts: readonly HostSetting[],
  generation: Generation,
  budget: Budget,
): UserError[] {
  const kinds = new Set(hosts.map(({ kind }) => kind));
  return [
    ...(kinds.has("builder") && hosts.length > 1
      ? [
          new UserError(
            "strata:host",
            "the builder cannot stand in for another host: it has no GPU.",
            'Name hosts of the kinds docker, ssh and aws, or {"kind": "builder"} alone.',
          ),
        ]
      : []),
    ...hosts.flatMap((setting, index) => {
      const path = hosts.length > 1 ? `strata:host.${index}` : "strata:host";
      if (setting.kind === "aws") return awsProblems(setting, path, generation, budget);
      if (setting.kind === "builder" || !setting.gpu || generation.testedOn !== null) return [];
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
  const suitableTypes = instancesFor(capability ?? generation.testedOn).map(({ type }) => type);
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
    ...permittedInstances(setting, generation).flatMap(({ type, dollarsPerHour }) => [
      ...(dollarsPerHour > EXPENSIVE_DOLLARS_PER_HOUR && !setting.allowExpensive
        ? [
            new UserError(
              path,
              `${type} costs $${dollarsPerHour.toFixed(2)} an hour, and nobody has said yes to that.`,
              `Set ${path}.allowExpensive to true, or choose another ${path}.capability.`,
            ),
          ]
        : []),
      ...costProblem(path, type, dollarsPerHour, budget),
    ]),
  ];
}

function costProblem(path: string, name: string, dollarsPerHour: number, budget: Budget): UserError[] {
  const expected = (dollarsPerHour * ESTIMATED_MINUTES) / 60;
  if (expected <= budget.dollars) return [];
  return [
    new UserError(
      path,
      `a test on ${name} takes about ${ESTIMATED_MINUTES} minutes, $${expected.toFixed(2)}; the budget is $${budget.dollars.toFixed(2)}.`,
      "Raise strata:budget.dollars, or choose another host.",
    ),
  ];
}
