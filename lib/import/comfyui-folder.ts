import { parse } from "smol-toml";
import { z } from "zod";
import { assignedVersion } from "../lock-making/node-source.ts";
import { foundModels, type ModelClaim } from "./found-model.ts";
import { type GitFiles, readGitFiles } from "./git-files.ts";
import { type FoundNode, type Inventory, type LeftOut, nothing } from "./inventory.ts";
import { isFolderName, repositoryAddress, requirementProblem, shownText } from "./safe-names.ts";
import { registryNode, singleFile } from "./snapshot.ts";

/** A folder below `custom_nodes`, as far as it says where it comes from. */
export interface NodeFolder {
  readonly name: string;
  /** Below `.disabled`, or with that ending. */
  readonly disabled: boolean;
  readonly git: GitFiles | undefined;
  readonly pyproject: string | undefined;
  /** Whether ComfyUI-Manager installed it from Comfy's registry: it has a file `.tracking`. */
  readonly isTracked: boolean;
}

/** A folder of ComfyUI, as far as it was read. */
export interface ComfyUiFolder {
  readonly git: GitFiles | undefined;
  /** `comfyui_version.py` */
  readonly version: string | undefined;
  readonly nodes: readonly NodeFolder[];
  /** Files directly below `custom_nodes`. */
  readonly files: readonly string[];
  /** `pyvenv.cfg` of the environment that was found. */
  readonly environment: string | undefined;
  /** Names of the folders in its `site-packages`. */
  readonly packages: readonly string[];
  readonly models: readonly ModelClaim[];
  /** Whether `extra_model_paths.yaml` names folders elsewhere. */
  readonly hasOtherModels: boolean;
}

/** What a folder of ComfyUI holds. */
export function readComfyUiFolder(folder: ComfyUiFolder): Inventory {
  const main = comfyui(folder);
  const nodes = folder.nodes.map(nodeOf);
  const models = foundModels(folder.models);
  const elsewhere = {
    what: "extra_model_paths.yaml",
    reason: "models in folders that it names were not looked at",
  };
  return {
    ...nothing,
    comfyui: "reason" in main ? null : main,
    python: /^version(?:_info)?\s*=\s*(\d+\.\d+)/m.exec(folder.environment ?? "")?.[1] ?? null,
    nodes: nodes.filter((each) => "origin" in each),
    installed: folder.packages.flatMap(installed),
    models: models.models,
    left: [
      ...("reason" in main ? [main] : []),
      ...nodes.filter((each) => "what" in each),
      ...folder.files.filter((name) => /\.py(\.disabled)?$/.test(name)).flatMap(fileNode),
      ...models.left,
      ...(folder.hasOtherModels ? [elsewhere] : []),
    ],
  };
}

function comfyui({ git, version }: ComfyUiFolder) {
  const pin = git && readGitFiles(git);
  if (pin && "repository" in pin) return pin;
  const number = assignedVersion(version);
  if (number !== undefined && /^\d[\d.]*$/.test(number)) {
    return { repository: "https://github.com/Comfy-Org/ComfyUI", ref: `v${number}` };
  }
  return { what: "ComfyUI", reason: pin?.problem ?? "neither git nor comfyui_version.py says which it is" };
}

const project = z.object({
  project: z.object({
    name: z.string(),
    version: z.string().optional(),
    urls: z.record(z.string(), z.string()).optional().catch(undefined),
  }),
});

function nodeOf(folder: NodeFolder): FoundNode | LeftOut {
  const { name, disabled, git, isTracked } = folder;
  const what = `node ${shownText(name)}`;
  if (!isFolderName(name)) return { what, reason: "its folder has a name that no image should have" };
  if (git) {
    const pin = readGitFiles(git);
    if ("problem" in pin) return { what, reason: pin.problem };
    return { origin: pin, disabled, folder: ownFolder(name, pin.repository) };
  }
  const about = projectOf(folder.pyproject);
  if (!isTracked || !about) {
    return {
      what,
      reason: "has neither git's files nor those of Comfy's registry: nobody knows which version it is",
    };
  }
  const node = registryNode(about.name.trim().toLowerCase(), whole(about.version) ?? null);
  if ("what" in node) return { what, reason: node.reason };
  const stated = Object.entries(about.urls ?? {}).find(([key]) => key.toLowerCase() === "repository")?.[1];
  const repository = stated === undefined ? null : repositoryAddress(stated);
  // Manager names the folder by the registry, strata by the repository: workflows and paths of models know the first.
  return { origin: { ...node.origin, repository } as FoundNode["origin"], disabled, folder: name };
}

/** The registry's versions have three numbers: Manager asks it for `2.5` as `2.5.0`. */
function whole(version: string | undefined): string | undefined {
  const isShort = /^\d+(\.\d+)?$/.test(version ?? "");
  return isShort ? [...(version ?? "").split("."), "0", "0"].slice(0, 3).join(".") : version;
}

function ownFolder(name: string, repository: string): string | null {
  return name === repository.split("/").at(-1) ? null : name;
}

function projectOf(text: string | undefined) {
  try {
    return text === undefined ? undefined : project.safeParse(parse(text)).data?.project;
  } catch {
    return undefined;
  }
}

function fileNode(name: string): LeftOut[] {
  return name.endsWith(".disabled") ? [] : singleFile(name);
}

/** `numpy-1.26.4.dist-info` */
function installed(folder: string): string[] {
  const [, name, version] = /^([\w.]+)-([\w.+!]+)\.dist-info$/.exec(folder) ?? [];
  if (name === undefined || requirementProblem(`${name}==${version}`) !== undefined) return [];
  return [`${name}==${version}`];
}
