import * as pulumi from "@pulumi/pulumi";
import { UserError, withPackage } from "../../errors.ts";
import { type GenerationName, generation } from "../../lib/gpu/generations.ts";
import type { Instance } from "../../lib/gpu/instances.ts";
import type { MemoryNeed } from "../../lib/gpu/memory.ts";
import { type Budget, type HostSetting, permittedInstances } from "../../lib/hosts/host-setting.ts";
import { parseSize } from "../../lib/size.ts";
import type { Host } from "./host.ts";

/** What decides about a stack's hosts. */
export interface HostChoices {
  readonly host: readonly HostSetting[];
  readonly generation: GenerationName;
  readonly budget: Budget;
}

/** The product that is tested there. */
export interface HostProduct {
  /** Most bytes that it may have in the registry, `3.3 GB`. */
  readonly sizeBudget: string;
  /** Bytes of models in it, beside that. @default 0 */
  readonly modelBytes?: number;
  /** ARN of its repository, where that is ECR's. */
  readonly repositoryArn?: pulumi.Input<string> | undefined;
  /** What its own workflows need; absent where a test runs none. */
  readonly memory?: MemoryNeed | undefined;
}

/** GiB of what an AMI holds already, and of what checks write. */
const SYSTEM_GIB = 80;
/** An image lies there compressed and unpacked. */
const GIB_PER_COMPRESSED_GB = 5;
/** Models do too, and nothing makes them smaller. */
const GIB_PER_MODEL_GB = 2;
/** Minutes after the budget's at which an instance ends itself. */
const SPARE_MINUTES = 10;

/** The hosts of a stack, in their order. One's own has to have a GPU where the product is for GPUs. */
export async function openHosts(name: string, choices: HostChoices, product: HostProduct): Promise<Host[]> {
  const { host } = choices;
  return await Promise.all(
    host.map((setting, index) =>
      openHost(host.length > 1 ? `${name}-${index}` : name, setting, choices, product),
    ),
  );
}

async function openHost(
  name: string,
  setting: HostSetting,
  { generation: generationName, budget }: HostChoices,
  { sizeBudget, modelBytes = 0, repositoryArn, memory }: HostProduct,
): Promise<Host> {
  const facts = generation(generationName);
  const gpu = facts.testedOn !== null;
  switch (setting.kind) {
    case "builder":
      return { description: setting };
    case "docker":
      return { description: { ...setting, gpu: setting.gpu ?? gpu } };
    case "ssh": {
      const { privateKey, dollarsPerHour, ...rest } = setting;
      const price = dollarsPerHour === undefined ? {} : { dollarsPerHour };
      const description = { ...rest, ...price, gpu: setting.gpu ?? gpu };
      return { description, ...(privateKey === undefined ? {} : { privateKey: pulumi.secret(privateKey) }) };
    }
    case "aws": {
      // Loading AWS's provider takes time, and most stacks have no business with it.
      const { AwsHost } = await withPackage("@pulumi/aws", () => import("./aws-host.ts"));
      const { region, profile, spot, subnets, ami } = setting;
      const compressedBytes = parseSize(sizeBudget, "size budget");
      const dataGiB = Math.ceil(
        (GIB_PER_COMPRESSED_GB * compressedBytes + GIB_PER_MODEL_GB * modelBytes) / 1e9,
      );
      return new AwsHost(name, {
        region,
        profile,
        spot,
        subnets,
        ami,
        repositoryArn,
        stack: `${pulumi.getProject()}/${pulumi.getStack()}`,
        instances: withDisk(permittedInstances(setting, facts, memory), dataGiB),
        volumeGiB: SYSTEM_GIB + dataGiB,
        minutes: budget.minutes + SPARE_MINUTES,
      });
    }
  }
}

/** The types whose own disk, where Docker's data goes, is large enough for the image. */
function withDisk(instances: readonly Instance[], dataGiB: number): readonly Instance[] {
  const large = instances.filter(({ diskGb }) => diskGb * 1e9 >= dataGiB * 2 ** 30);
  if (large.length > 0) return large;
  throw new UserError(
    "strata:host",
    `no instance type for it has a disk of ${dataGiB} GiB, which the image takes there.`,
    "Let the image fetch its models (strata:models: {strategy: volume}), or choose some (strata:models.only).",
  );
}
