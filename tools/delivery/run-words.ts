import { publishedPort } from "../../lib/state/screen.ts";
import type { ImageConfig } from "../../oci/manifest.ts";
import { isLoopback, parseReference } from "../../oci/references.ts";
import type { ContainerEngineHere } from "./container-engine.ts";

/** Where images of ComfyUI keep what people make, and the volume that README's command gives them. */
const DATA = "/workspace";
const VOLUME = "comfyui";

export interface RunWish {
  readonly engine: Pick<ContainerEngineHere, "kind">;
  /** What the engine is to run: with its registry, or as it was loaded. */
  readonly reference: string;
  readonly config: ImageConfig;
  readonly gpu: boolean;
  /** Variables of this process that the container gets too, by name: no value is in a command line. */
  readonly variables: readonly string[];
  /** Further words for the engine. */
  readonly more: readonly string[];
}

/** The words that README's command line has, for this image on this machine. */
export function runWords({ engine, reference, config, gpu, variables, more }: RunWish): string[] {
  const { ExposedPorts, Labels } = config.config ?? {};
  const ports = Object.keys(ExposedPorts ?? {}).flatMap((port) => /^(\d+)(?:\/tcp)?$/.exec(port)?.[1] ?? []);
  const layers = Labels?.["strata.layers"] ?? "[]";
  const keepsData = layers.includes('"comfyui"') && !more.some((word) => mountsAt(word, DATA));
  const isLocal = isLoopback(parseReference(reference).registry);
  return [
    "run",
    "--rm",
    ...(engine.kind === "podman" && isLocal ? ["--tls-verify=false"] : []),
    ...(gpu ? gpuWords(engine.kind) : []),
    ...ports.toSorted((a, b) => Number(a) - Number(b)).flatMap((port) => ["-p", publishedPort(port)]),
    ...(keepsData ? ["-v", `${VOLUME}:${DATA}`] : []),
    ...variables.flatMap((name) => ["-e", name]),
    ...more,
    reference,
  ];
}

function gpuWords(kind: ContainerEngineHere["kind"]): string[] {
  if (kind === "docker") return ["--gpus", "all"];
  return ["--device", "nvidia.com/gpu=all", "--security-opt", "label=disable"];
}

/** `data:/workspace`, `-v=data:/workspace:ro`, `type=volume,dst=/workspace`. */
function mountsAt(word: string, path: string): boolean {
  return new RegExp(`[:=]${path}/?(?:[:,]|$)`).test(word);
}

/** A command line that a shell reads as these words. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
