import { throwAll, UserError } from "../../errors.ts";
import type { ImageConfig } from "../../oci/manifest.ts";
import { isLoopback, type Reference } from "../../oci/references.ts";

/** How the platform starts a container: docs/vast.md has what each means. */
export const launchModes = ["jupyter", "ssh", "args"] as const;
export type LaunchMode = (typeof launchModes)[number];

export interface TemplateWish {
  readonly reference: Pick<Reference, "registry" | "repository">;
  readonly digest: string;
  /** A tag that points at the digest: the platform shows image and tag apart. */
  readonly tag?: string | undefined;
  readonly config: ImageConfig;
  readonly mode: LaunchMode;
  readonly disk: number;
  readonly name?: string | undefined;
  readonly isPublic: boolean;
}

/**
 * What a template is made from, as the platform's own client posts it.
 * Source: vastai/api/offers.py (create_template) and vastai/api/query.py of vast-ai/vast-cli at 55679830.
 */
export interface VastTemplate {
  readonly name: string;
  readonly image: string;
  readonly tag: string | null;
  readonly env: string;
  readonly onstart: string | null;
  readonly runtype: LaunchMode;
  readonly use_ssh: boolean;
  readonly ssh_direct: boolean;
  readonly jup_direct: boolean;
  readonly use_jupyter_lab: boolean;
  readonly jupyter_dir: string | null;
  readonly extra_filters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly recommended_disk_space: number;
  readonly desc: string;
  readonly href: string | null;
  readonly repo: string | null;
  readonly docker_login_repo: null;
  readonly readme: null;
  readonly readme_visible: boolean;
  readonly private: boolean;
}

/** The template of an image; throws where the platform could not start it. */
export function vastTemplate(wish: TemplateWish): VastTemplate {
  const { reference, digest, tag, config, mode, disk, isPublic } = wish;
  const labels = config.config?.Labels ?? {};
  const repository = `${reference.registry}/${reference.repository}`;
  throwAll("template", problems(wish, labels));
  return {
    name: wish.name ?? labels["org.opencontainers.image.title"] ?? reference.repository,
    image: tag === undefined ? `${repository}@${digest}` : repository,
    tag: tag ?? null,
    env: dockerOptions(config),
    // Found on PATH: the platform starts its own program in place of the entrypoint, which then runs this.
    onstart: mode === "args" ? null : "entrypoint.sh",
    runtype: mode,
    use_ssh: mode !== "args",
    ssh_direct: mode !== "args",
    jup_direct: mode === "jupyter",
    use_jupyter_lab: mode === "jupyter",
    jupyter_dir: mode === "jupyter" ? "/" : null,
    extra_filters: hostFilters(labels),
    recommended_disk_space: disk,
    desc: labels["org.opencontainers.image.description"] ?? "",
    href: null,
    repo: labels["org.opencontainers.image.source"] ?? null,
    docker_login_repo: null,
    readme: null,
    readme_visible: true,
    private: !isPublic,
  };
}

function problems({ reference, disk }: TemplateWish, labels: Readonly<Record<string, string>>): UserError[] {
  const { registry } = reference;
  const layers = labels["strata.layers"] ?? "";
  return [
    ...(isLoopback(registry)
      ? [
          new UserError(
            registry,
            "is this machine's own registry: a rented machine does not reach it.",
            "Set strata:registry or strata:copies, or name the image elsewhere: --reference repository@sha256:….",
          ),
        ]
      : []),
    ...(layers.includes('"instance"')
      ? []
      : [
          new UserError(
            labels["org.opencontainers.image.title"] ?? "the image",
            "has no start for rented machines: entrypoint.sh is not in it.",
            "Name an image of the recipe vast, or of one that extends it.",
          ),
        ]),
    ...(Number.isFinite(disk) && disk >= 8
      ? []
      : [new UserError("--disk", "expected a number of GB, 8 or more.", "The image's layers do not count.")]),
  ];
}

/** The field "Docker options". Port 22 the platform maps by itself. */
function dockerOptions({ config }: ImageConfig): string {
  const ports = Object.keys(config?.ExposedPorts ?? {})
    .flatMap((port) => /^(\d+)(?:\/tcp)?$/.exec(port)?.[1] ?? [])
    .map(Number)
    .filter((port) => port !== 22)
    .sort((a, b) => a - b);
  const variables = {
    // Any value asks for one; the platform puts its own in its place.
    OPEN_BUTTON_TOKEN: "1",
    OPEN_BUTTON_PORT: "1111",
    // With it the platform's certificate serves all ports: no password goes over the line in clear.
    ENABLE_HTTPS: "true",
    DATA_DIRECTORY: "/workspace/",
  };
  return [
    ...ports.map((port) => `-p ${port}:${port}`),
    ...Object.entries(variables).map(([name, value]) => `-e ${name}=${value}`),
  ].join(" ");
}

/** Which hosts are offered: those that the client asks for by default, with a driver and cards that run the image. */
function hostFilters(labels: Readonly<Record<string, string>>): VastTemplate["extra_filters"] {
  const capabilities = (labels["strata.compute-capabilities"] ?? "").split(",").filter(Boolean);
  // The platform writes 8.9 as 890.
  const lowest = Math.min(...capabilities.map((capability) => Math.round(Number(capability) * 100)));
  return {
    verified: { eq: true },
    external: { eq: false },
    rentable: { eq: true },
    cuda_max_good: { gte: Number(labels["strata.cuda"] ?? "0") },
    ...(capabilities.length > 0 ? { compute_cap: { gte: lowest } } : {}),
  };
}

/** The words for the platform's client that make the same template. */
export function clientWords(template: VastTemplate): string[] {
  const { cuda_max_good: cuda, compute_cap: cards } = template.extra_filters;
  const search = [`cuda_max_good>=${cuda?.gte}`, ...(cards ? [`compute_cap>=${cards.gte}`] : [])].join(" ");
  return [
    ...["vastai", "create", "template", "--name", template.name, "--image", template.image],
    ...(template.tag ? ["--image_tag", template.tag] : []),
    ...["--env", template.env, "--search_params", search],
    ...["--disk_space", String(template.recommended_disk_space), "--desc", template.desc],
    ...(template.repo ? ["--repo", template.repo] : []),
    ...(template.onstart ? ["--onstart-cmd", template.onstart] : []),
    ...(template.runtype === "ssh" ? ["--ssh", "--direct"] : []),
    ...(template.runtype === "jupyter"
      ? ["--jupyter", "--ssh", "--direct", "--jupyter-lab", "--jupyter-dir", "/"]
      : []),
    ...(template.private ? [] : ["--public"]),
  ];
}
