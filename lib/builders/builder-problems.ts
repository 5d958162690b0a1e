import { UserError } from "../../errors.ts";
import { REDACTED } from "../redact.ts";
import type { RegistrySetting } from "../registry/registry-setting.ts";
import type { Weighty } from "./aws-instances.ts";
import { awsProblems, rentProblems } from "./aws-setting.ts";
import {
  type BuilderChoice,
  type FarSetting,
  isFar,
  isRented,
  OWN_BUILDER,
  stackBuilders,
} from "./builder-setting.ts";
import { kubernetesProblems, shownKubernetes } from "./kubernetes/kubernetes-setting.ts";
import { remoteProblems } from "./remote-setting.ts";

/** What does not fit between a stack's builders and its registry. */
export function builderProblems(
  settings: BuilderChoice & { readonly registry: RegistrySetting },
): UserError[] {
  const { builder, builders } = settings;
  const { default: ordinary, heavy } = stackBuilders(settings);
  // The tools read the stack's file without its secrets.
  const hidden = [ordinary, heavy].filter(({ setting }) => setting === REDACTED).map(({ path }) => path);
  const twice = builders.default !== undefined && builder !== OWN_BUILDER;
  return [
    ...[...new Set(hidden)].map(
      (path) =>
        new UserError(
          path,
          "is encrypted as a whole.",
          `Set it in clear, and encrypt ${path}.tls.key alone.`,
        ),
    ),
    ...(twice
      ? [
          new UserError(
            "strata:builder",
            "says where stages are built, and strata:builders.default does too.",
            "Remove one of them.",
          ),
        ]
      : []),
    ...[...new Map([ordinary, heavy].map((each) => [each.path, each])).values()].flatMap(
      ({ path, setting }) => (isFar(setting) ? reach(path, setting, settings.registry) : []),
    ),
  ];
}

/** What does not fit between a builder that is rented for heavy stages and the stack's budget. */
export function rentedProblems(
  settings: BuilderChoice & { readonly budget: { readonly dollars: number } },
  stages: readonly Weighty[] = [],
): UserError[] {
  const { path, setting } = stackBuilders(settings).heavy;
  return isRented(setting) ? rentProblems(path, setting, settings.budget, stages) : [];
}

/** A builder elsewhere pushes by itself: it has to reach the registry. */
function reach(path: string, builder: FarSetting, registry: RegistrySetting): UserError[] {
  if (registry.kind !== "local") return kindProblems(path, builder, registry);
  return [
    new UserError(
      "strata:registry",
      `is the local one, on a loopback address of this machine, and ${path} is a builder elsewhere.`,
      `Set strata:registry to one that ${shownBuilder(builder)} reaches (docs/registries.md).`,
    ),
  ];
}

/** What speaks against a registry for builders of one kind. */
function kindProblems(path: string, builder: FarSetting, registry: RegistrySetting): UserError[] {
  switch (builder.kind) {
    case "remote":
      return remoteProblems(path, builder, registry);
    case "aws":
      return awsProblems(path, registry);
    case "kubernetes":
      return kubernetesProblems(path, builder, registry);
  }
}

/** A builder elsewhere, as its setting says where it is. */
function shownBuilder(builder: FarSetting): string {
  switch (builder.kind) {
    case "remote":
      return builder.address.join(" and ");
    case "aws":
      return `an instance in ${builder.region}`;
    case "kubernetes":
      return shownKubernetes(builder);
  }
}

/** The keys of clients that lie in the stack's file, by their place: each has to be encrypted. */
export function keysOfBuilders(settings: BuilderChoice): string[] {
  const { builder, builders } = settings;
  const places = { builder, "builders.default": builders.default, "builders.heavy": builders.heavy };
  return Object.entries(places).flatMap(([place, setting]) =>
    typeof setting === "object" && setting.kind === "remote" && isPem(setting.tls.key)
      ? [`${place}.tls.key`]
      : [],
  );
}

/** Whether a setting is the text itself and not the path of a file with it. */
export function isPem(text: string): boolean {
  return text.trimStart().startsWith("-----BEGIN");
}
