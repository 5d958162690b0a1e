import type { Component } from "../../bill/component.ts";
import { gitPurl, programPurl, pypiPurl } from "../../bill/purl.ts";
import type { AttentionKernel } from "../../gpu/compatibility.ts";
import type { Distribution } from "../../locks/python-lock.ts";
import type { Layer } from "../../recipe/layer.ts";
import { buildPackages, installedAliases } from "../packages.ts";
import type { Stage } from "../plan-stage.ts";
import { type ImageSources, stagePackages } from "../stage-packages.ts";

/** What components are gathered from. */
export interface ComponentSources {
  readonly image: ImageSources;
  /** The layers of the product. */
  readonly inImage: readonly Layer[];
  /** Those that builds alone use, wheels built from source among them. */
  readonly building: readonly Layer[];
  /** By the package's name. */
  readonly wheels: ReadonlyMap<string, Layer>;
  readonly stages: readonly Stage[];
}

/** Everything that a product is put together of, as far as a plan knows it; the distribution's packages it does not. */
export function plannedComponents(sources: ComponentSources): Component[] {
  const { image, inImage, building } = sources;
  const { context, packages } = image;
  const inProduct = inImage.flatMap((layer): Component[] => {
    const stage = layer.name;
    const { installed, own } = stagePackages(layer, image);
    const aliases = installedAliases(installed, packages.aliases);
    return [
      ...[...installed, ...own].map((each) => wheelComponent(each, stage, sources)),
      ...aliases.map((each) => standIn(each, stage)),
      ...(layer.components?.(context) ?? ownFiles(layer, sources)).map((each) => ({ ...each, stage })),
    ];
  });
  // An image of models beside the product is built apart, as what only builds use.
  const beside = building
    .filter(({ bulk }) => bulk)
    .flatMap((layer) => (layer.components?.(context) ?? []).map((each) => ({ ...each, stage: layer.name })));
  const inBuilds = [...inImage, ...building].flatMap((layer) =>
    buildPackages(layer, context, packages).map((each) => ({ ...wheelFacts(each), stage: layer.name })),
  );
  const tools = new Map(inBuilds.map((each) => [each.name, { ...each, kind: "tool" as const }]));
  return [...inProduct, ...beside, ...tools.values()];
}

function wheelFacts({ name, version, hashes }: Distribution): Omit<Component, "stage" | "kind"> {
  return { name, version, purl: pypiPurl(name, version), ...(hashes.length > 0 && { hashes }) };
}

function wheelComponent(
  each: Distribution,
  stage: string,
  { image: { context }, wheels }: ComponentSources,
): Component {
  const facts = wheelFacts(each);
  const { url } = { ...context.tensorrt, ...context.wheels }[each.name as AttentionKernel] ?? {};
  if (each.pinned && url) {
    return { ...facts, kind: "wheel", stage, purl: pypiPurl(each.name, each.version, { download_url: url }) };
  }
  if (!each.fromSource) return { ...facts, kind: "wheel", stage };
  const git = context.gitPackages[each.name];
  const capabilities = wheels.get(each.name)?.args?.(context).CUDA_ARCHITECTURES;
  const { hashes, ...compiled } = facts;
  return {
    ...compiled,
    kind: "compiled",
    stage,
    source: git
      ? { purl: gitPurl(git.location, git.commit) }
      : { purl: facts.purl, ...(hashes && { hashes }) },
    comment: capabilities
      ? `Compiled here for the compute capabilities ${capabilities.replaceAll(";", ", ")}.`
      : "Made into a wheel here, from its source.",
  };
}

function standIn(
  { name, version, target }: { readonly name: string; readonly version: string; readonly target: string },
  stage: string,
): Component {
  // No address for scanners: it has no code, and that of its target is listed.
  return {
    kind: "stand-in",
    name,
    version,
    purl: programPurl(name, version),
    stage,
    licence: "CC0-1.0",
    comment: `Metadata alone: ${target} stands in for it.`,
  };
}

/** Of a layer that says nothing of itself: what lies in its folder to be copied, and where it alone writes. */
function ownFiles(
  layer: Layer,
  { image: { context }, stages }: ComponentSources,
): Omit<Component, "stage">[] {
  const stage = stages.find(({ name }) => name === layer.name);
  const copied = (stage?.files ?? [])
    .filter(({ path }) => path.startsWith("rootfs/"))
    .map(({ path }) => path.slice("rootfs".length));
  const owned = (layer.owns?.(context) ?? []).filter((path) => !path.includes("/site-packages/"));
  const paths = [
    ...owned,
    ...copied.filter((path) => !owned.some((folder) => path.startsWith(`${folder}/`))),
  ];
  if (!stage || paths.length === 0) return [];
  return [
    {
      kind: "own",
      name: layer.name,
      version: stage.key,
      purl: programPurl(layer.name, stage.key),
      ...(layer.root === undefined && { licence: "Apache-2.0" }),
      paths,
    },
  ];
}
