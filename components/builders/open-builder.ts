import * as pulumi from "@pulumi/pulumi";
import { throwAll, withPackage } from "../../errors.ts";
import type { Weighty } from "../../lib/builders/aws-instances.ts";
import { builderInstances } from "../../lib/builders/aws-setting.ts";
import { rentedProblems } from "../../lib/builders/builder-problems.ts";
import { type BuilderChoice, isRented, stackBuilders } from "../../lib/builders/builder-setting.ts";
import { buildkit } from "../../lib/machines/buildkit.ts";
import type { RegistrySetting } from "../../lib/registry/registry-setting.ts";
import { rentedName } from "./rented-name.ts";

/** What decides about a builder that is rented for heavy stages. */
export type RentChoices = BuilderChoice & {
  readonly registry: RegistrySetting;
  readonly mirrors: Readonly<Record<string, string>>;
  readonly budget: { readonly dollars: number };
};

/** GB of an AMI, and of BuildKit. */
const SYSTEM_GB = 20;

/**
 * The name of the builder of heavy stages, where it is rented for them: known when it is there. Undefined where it is none of
 * that kind.
 */
export async function openBuilder(
  name: string,
  choices: RentChoices,
  stages: readonly Weighty[],
): Promise<pulumi.Output<string> | undefined> {
  const { setting, names } = stackBuilders(choices).heavy;
  if (!isRented(setting) || stages.length === 0) return undefined;
  throwAll("strata:builders.heavy", rentedProblems(choices, stages));
  // Loading AWS's provider takes time, and most stacks have no business with it.
  const { AwsBuilder } = await withPackage("@pulumi/aws", () => import("./aws-builder.ts"));
  const { region, profile, spot, subnets, ami, diskGb, minutes } = setting;
  const { description } = new AwsBuilder(name, {
    region,
    profile,
    spot,
    subnets,
    ami,
    minutes,
    stack: `${pulumi.getProject()}/${pulumi.getStack()}`,
    instances: builderInstances(setting, stages),
    volumeGiB: SYSTEM_GB + diskGb,
    ports: portsOf(choices),
    release: buildkit.archive,
  });
  return rentedName(names[0] ?? name, description);
}

/** Ports that stages are fetched from and pushed to, beside those of HTTP and HTTPS. */
function portsOf({ registry, mirrors }: RentChoices): number[] {
  const addresses = [
    ...(registry.kind === "oci" ? [`https://${registry.address}`] : []),
    ...Object.values(mirrors).filter((address) => /^https?:/.test(address)),
  ];
  return addresses.flatMap((address) => {
    const { port } = new URL(address);
    return port === "" ? [] : [Number(port)];
  });
}
