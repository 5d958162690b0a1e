import { z } from "zod";
import { UserError } from "../../errors.ts";

/** Lower-case path components, as registries want them. */
const repositoryPath = /^[a-z0-9]+([._-][a-z0-9]+)*(\/[a-z0-9]+([._-][a-z0-9]+)*)*$/;
const repository = z
  .string()
  .max(200, "expected at most 200 characters")
  .regex(repositoryPath, "expected a repository name such as team/strata");
const username = z.string().min(1);
/** Encrypted in the stack's file; `refuseClear` in lib/plan/secret-settings.ts sees to it. */
const password = z.string().min(1);

const local = z.strictObject({
  kind: z.literal("local"),
  repository,
});

const ghcr = z.strictObject({
  kind: z.literal("ghcr"),
  /** A user or an organisation, in lower case. */
  owner: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "expected a GitHub user or organization in lower case"),
  repository,
  /** @default the owner: GHCR looks at the token. */
  username: username.optional(),
  password: password.optional(),
});

const dockerHub = z.strictObject({
  kind: z.literal("docker-hub"),
  /** A user or an organization. */
  namespace: z.string().regex(/^[a-z0-9]{2,255}$/, "expected a Docker ID of lower-case letters and digits"),
  /** One name: Docker Hub has no folders. */
  repository: z.string().regex(/^(?=.{2,255}$)[a-z0-9]+([._-]+[a-z0-9]+)*$/, "expected one name, no folders"),
  /** Who pushes, where the namespace is an organization's. @default the namespace */
  username: username.optional(),
  /** A personal access token that reads and writes, or an organization's. */
  password: password.optional(),
});

const ecr = z.strictObject({
  kind: z.literal("ecr"),
  account: z.string().regex(/^\d{12}$/, "expected an AWS account of 12 digits, in quotes"),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "expected a region such as eu-central-1"),
  repository,
  /** Whether this stack owns the repository; false where another stack does, or people. */
  create: z.boolean().default(true),
  /** Days after which a stage that no stack uses, and a cache, are removed. */
  stageDays: z.int().min(1).max(3650).default(30),
  /** ARN of a KMS key. @default ECR's own encryption, AES-256 */
  kmsKey: z.string().startsWith("arn:", "expected the ARN of a KMS key").optional(),
});

const oci = z
  .strictObject({
    kind: z.literal("oci"),
    address: z
      .string()
      .regex(
        /^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)(:\d{1,5})?$/,
        "expected host or host:port, without a scheme",
      )
      .refine(
        (address) => /[.:]/.test(address) || address === "localhost",
        "expected a host with a dot or a port: Docker takes anything else for a folder on Docker Hub",
      ),
    repository,
    /** @default none: anonymous, or what `docker login` knows */
    username: username.optional(),
    password: password.optional(),
    /** A PEM file; a registry on a loopback address speaks HTTPS only when it has one. */
    ca: z.string().min(1).optional(),
  })
  .check(({ value, issues }) => {
    if (value.password === undefined || value.username !== undefined) return;
    issues.push({
      code: "custom",
      path: ["username"],
      input: value.username,
      message: "expected the user that the password belongs to",
    });
  });

/** `strata:registry`: where stages and products go. */
export const registrySetting = z.discriminatedUnion("kind", [local, ghcr, ecr, dockerHub, oci]);
/** `strata:copies`: further registries that a tested product is copied to. */
export const copiesSetting = z.array(registrySetting);

export type RegistrySetting = z.output<typeof registrySetting>;

/** Host with its port. @param localAddress of the registry that `make up` starts */
export function registryHost(setting: RegistrySetting, localAddress: string): string {
  switch (setting.kind) {
    case "local":
      return localAddress;
    case "ghcr":
      return "ghcr.io";
    case "ecr": {
      const domain = setting.region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
      return `${setting.account}.dkr.ecr.${setting.region}.${domain}`;
    }
    case "docker-hub":
      return "docker.io";
    case "oci":
      return setting.address;
  }
}

/** `host[:port]/path`, as images are named. It is known before anything is asked or made. */
export function imageRepository(setting: RegistrySetting, localAddress: string): string {
  return `${registryHost(setting, localAddress)}/${pathOf(setting)}`;
}

function pathOf(setting: RegistrySetting): string {
  switch (setting.kind) {
    case "ghcr":
      return `${setting.owner}/${setting.repository}`;
    case "docker-hub":
      return `${setting.namespace}/${setting.repository}`;
    case "local":
    case "ecr":
    case "oci":
      return setting.repository;
  }
}

/** What a setting says about getting into its registry. */
export interface LoginSetting {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The variable of the environment whose password counts where the stack has none. */
  readonly variable?: string;
  /** A PEM file with its certificate authorities. */
  readonly ca?: string | undefined;
}

/** The login that a kind of registry takes; nothing for one that needs none, or where AWS gives it out. */
export function registryLogin(setting: RegistrySetting): LoginSetting {
  switch (setting.kind) {
    case "local":
    case "ecr":
      return {};
    case "ghcr": {
      const { owner, username = owner, password } = setting;
      return { username, password, variable: "GITHUB_TOKEN" };
    }
    case "docker-hub": {
      const { namespace, username = namespace, password } = setting;
      return { username, password, variable: "DOCKERHUB_TOKEN" };
    }
    case "oci": {
      const { username, password, ca } = setting;
      return { username, password, ca };
    }
  }
}

/** The registries of a stack, by the name of their setting. */
function named({
  registry,
  copies,
}: {
  readonly registry: RegistrySetting;
  readonly copies: readonly RegistrySetting[];
}): [string, RegistrySetting][] {
  return [
    ["strata:registry", registry],
    ...copies.map((copy, index): [string, RegistrySetting] => [`strata:copies.${index}`, copy]),
  ];
}

/** Errors for copies that lie where something else does. */
export function repeatedRegistries(settings: Parameters<typeof named>[0]): UserError[] {
  const names = named(settings).map(([path, setting]) => ({ path, name: imageRepository(setting, "local") }));
  return names.flatMap(({ path, name }, index) => {
    const first = names.findIndex((other) => other.name === name);
    if (first === index) return [];
    return [new UserError(path, `is the same repository as ${names[first]?.path}.`, "Remove it.")];
  });
}

/** Errors for passwords that are not encrypted, each looked at by itself: one that is says nothing about the others. */
export function clearPasswords(
  settings: Parameters<typeof named>[0],
  isEncrypted: (place: string) => boolean,
): UserError[] {
  return named(settings).flatMap(([path, setting]) => {
    if (!("password" in setting) || setting.password === undefined) return [];
    if (isEncrypted(`${path.replace("strata:", "")}.password`)) return [];
    const property = path.replace(/\.(\d+)$/, "[$1]");
    return [
      new UserError(
        `${path}.password`,
        "is readable by everybody who has the stack's file.",
        `Change it, and set the new one encrypted: pulumi config set --secret --path '${property}.password'`,
      ),
    ];
  });
}
