import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { writeBuildContext } from "../../../../lib/plan/build-context.ts";
import type { Stage } from "../../../../lib/plan/plan.ts";
import { productDockerfile } from "../../../support/product-dockerfile.ts";
import { planSampleStack } from "../../../support/stacks.ts";
import type { Engine } from "../engine.ts";
import { absent, makeBase, standIns } from "./stand-ins.ts";

/** The engine's own name of a stage's image. */
const imageOf = (stage: string) => `strata-test/vast-${stage}`;

/**
 * Has the engine build the recipe `vast`: the layers whose build needs no network by their own Dockerfiles, the product as
 * its manifest says it, with the image configuration that it has. In place of what is large or fetched stand smaller things: Debian with
 * the programs that a boot needs, the locked packages of `/opt/services` as wheels that the cache keeps, Caddy built once
 * from its module, the tests' ComfyUI, and nothing for CUDA, torch and their like, which no service here computes with.
 *
 * @returns the image's name
 */
export async function buildVastImage(engine: Engine, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const { stages, product } = planSampleStack({ recipe: "vast" });
  await makeBase(engine, join(folder, "base"), imageOf("system"));
  const made = await standIns(folder);
  for (const stage of stages) {
    if (stage.role === "build" || stage.role === "system" || absent.includes(stage.name)) continue;
    const replaced = made[stage.name];
    const context = replaced ?? writeBuildContext(join(folder, "contexts"), stage);
    await build(engine, imageOf(stage.name), context, replaced ? { ...stage, parents: [] } : stage);
  }
  const context = join(folder, "product");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "Dockerfile"), productDockerfile(product));
  await build(engine, imageOf("product"), context, { ...product, args: {} });
  return imageOf("product");
}

/** An image on top of the product, as an older or a larger one would be. */
export async function buildVariant(
  engine: Engine,
  folder: string,
  name: string,
  lines: readonly string[],
): Promise<string> {
  const context = join(folder, `variant-${name}`);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "Dockerfile"), [`FROM ${imageOf("product")}`, ...lines, ""].join("\n"));
  await build(engine, imageOf(name), context, { name, parents: [], args: {} });
  return imageOf(name);
}

/** What builds a stage sees as `toolbox` and `interpreter`: the system with uv is both here. */
async function build(
  { environment }: Engine,
  tag: string,
  context: string,
  { name, parents, args }: Pick<Stage, "name" | "parents" | "args">,
): Promise<void> {
  const contexts = new Map(
    ["base", "toolbox", "interpreter"].map((tool): [string, string] => [tool, "system"]),
  );
  for (const parent of parents) if (!contexts.has(parent)) contexts.set(parent, parent);
  const nothing = `${context}.nothing`;
  mkdirSync(nothing, { recursive: true });
  const where = (stage: string) => (absent.includes(stage) ? nothing : `docker-image://${imageOf(stage)}`);
  const words = [
    ...[...contexts].flatMap(([as, stage]) => ["--build-context", `${as}=${where(stage)}`]),
    ...Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
  ];
  const run = await execa(
    "docker",
    ["buildx", "build", "--quiet", "--load", ...words, "--tag", tag, context],
    {
      env: environment,
      all: true,
      reject: false,
      stdin: "ignore",
    },
  );
  if (run.exitCode !== 0) throw new Error(`stage ${name} of vast cannot be built:\n${run.all}`);
}
