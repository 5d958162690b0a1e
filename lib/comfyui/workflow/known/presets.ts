import {
  type AskingNode,
  type ModelReference,
  modelReference,
  type NodeModels,
  textOf,
} from "./model-reference.ts";

/** A file by its usual name, and the pattern by which the node finds any other. */
interface Choice {
  readonly name: string;
  readonly like: string;
}

/** For SD 1.5 and for SDXL; null where the node refuses that. */
interface Preset {
  readonly start: string;
  readonly models: readonly [Choice | null, Choice | null];
  readonly loras?: readonly [Choice | null, Choice | null];
  readonly vision: Choice;
  readonly needsFaces: boolean;
}

const classes = new Set([
  "IPAdapterUnifiedLoader",
  "IPAdapterUnifiedLoaderFaceID",
  "IPAdapterUnifiedLoaderCommunity",
]);

const vitH = choice(
  "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
  "(ViT.H.14.*s32B.b79K|ipadapter.*sd15|sd1.?5.*model)\\.(bin|safetensors)",
);
const vitG = choice(
  "CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors",
  "(ViT.bigG.14.*39B.b160k|ipadapter.*sdxl|sdxl.*model)\\.(bin|safetensors)",
);
const vitL = choice("clip-vit-large-patch14-336.bin", "clip.vit.large.patch14.336\\.(bin|safetensors)");

/**
 * What each preset means, in the order in which the node compares their beginnings. cubiq/ComfyUI_IPAdapter_plus at
 * 9d076a3: utils.py (`get_clipvision_file`, `get_ipadapter_file`, `get_lora_file`), with the names of its README.
 */
const presets: readonly Preset[] = [
  preset("light", ["ip-adapter_sd15_light_v11.bin", "sd15.light(.v11)?"], null),
  preset(
    "standard",
    ["ip-adapter_sd15.safetensors", "ip.adapter.sd15"],
    ["ip-adapter_sdxl_vit-h.safetensors", "ip.adapter.sdxl.vit.h"],
  ),
  preset(
    "vit-g",
    ["ip-adapter_sd15_vit-G.safetensors", "sd15.vit.g"],
    ["ip-adapter_sdxl.safetensors", "ip.adapter.sdxl"],
    { vision: vitG },
  ),
  preset(
    "plus (",
    ["ip-adapter-plus_sd15.safetensors", "ip.adapter.plus.sd15"],
    ["ip-adapter-plus_sdxl_vit-h.safetensors", "plus.sdxl.vit.h"],
  ),
  preset(
    "plus face",
    ["ip-adapter-plus-face_sd15.safetensors", "plus.face.sd15"],
    ["ip-adapter-plus-face_sdxl_vit-h.safetensors", "plus.face.sdxl.vit.h"],
  ),
  preset("full", ["ip-adapter-full-face_sd15.safetensors", "full.face.sd15"], null),
  preset(
    "faceid portrait (",
    ["ip-adapter-faceid-portrait-v11_sd15.bin", "portrait(.v11)?.sd15"],
    ["ip-adapter-faceid-portrait_sdxl.bin", "portrait.sdxl"],
    { needsFaces: true },
  ),
  preset(
    "faceid portrait unnorm",
    null,
    ["ip-adapter-faceid-portrait_sdxl_unnorm.bin", "portrait.sdxl.unnorm"],
    { needsFaces: true },
  ),
  faceId("faceid plus -", "plus", false),
  faceId("faceid plus v2", "plusv2", true),
  faceId("faceid", "", true),
  preset(
    "composition",
    ["ip_plus_composition_sd15.safetensors", "plus.composition.sd15"],
    ["ip_plus_composition_sdxl.safetensors", "plus.composition.sdxl"],
  ),
  preset("kolors", null, ["Kolors-IP-Adapter-Plus.bin", "(ip_adapter_plus_general|kolors.ip.adapter.plus)"], {
    vision: vitL,
  }),
];

/** The files that a preset of IPAdapter's unified loaders means; undefined for other nodes. */
export function presetModels(node: AskingNode): NodeModels | undefined {
  if (!classes.has(node.type)) return undefined;
  const input = node.named.preset;
  const chosen = textOf(node, "preset", 0)?.toLowerCase();
  const found = chosen === undefined ? undefined : presets.find(({ start }) => chosen.startsWith(start));
  if (chosen === undefined || !found) {
    const why =
      input && "from" in input
        ? `gets its preset from ${input.from.type} (node ${input.from.id}) when it runs`
        : `has a preset that is not known${chosen === undefined ? "" : ` ("${chosen}")`}`;
    return { files: [], unknown: [`${why}, and needs the files that it means.`] };
  }
  const files: ModelReference[] = [reference("clip_vision", found.vision, node)];
  const unknown: string[] = [];
  for (const [folder, pair] of [
    ["ipadapter", found.models],
    ["loras", found.loras],
  ] as const) {
    if (!pair) continue;
    const [forSd15, forSdxl] = pair;
    if (forSd15 && forSdxl) {
      unknown.push(
        `needs models/${folder}/${forSd15.name} with a checkpoint of SD 1.5, or models/${folder}/${forSdxl.name} with one of SDXL.`,
      );
    } else for (const only of [forSd15, forSdxl]) if (only) files.push(reference(folder, only, node));
  }
  if (found.needsFaces) {
    unknown.push(
      "needs InsightFace's model buffalo_l (models/insightface/models/buffalo_l), which no input names.",
    );
  }
  return { files, unknown };
}

function reference(folder: string, { name, like }: Choice, node: AskingNode): ModelReference {
  return { ...modelReference([folder], name, node), like: new RegExp(like, "i") };
}

function choice(name: string, like: string): Choice {
  return { name, like };
}

function preset(
  start: string,
  sd15: readonly [string, string] | null,
  sdxl: readonly [string, string] | null,
  more: Partial<Preset> = {},
): Preset {
  const model = (pair: readonly [string, string] | null) =>
    pair && choice(pair[0], `${pair[1]}\\.(safetensors|bin)$`);
  return { start, models: [model(sd15), model(sdxl)], vision: vitH, needsFaces: false, ...more };
}

function faceId(start: string, kind: string, hasSdxl: boolean): Preset {
  const parts = (base: string) => ["faceid", ...(kind ? [kind] : []), base];
  const name = (base: string, ending: string) =>
    `ip-adapter-faceid${kind ? `-${kind}` : ""}_${base}${ending}`;
  const pair = (base: string): readonly [string, string] => [name(base, ".bin"), parts(base).join(".")];
  const lora = (base: string) =>
    choice(name(base, "_lora.safetensors"), `${[...parts(base), "lora"].join(".")}\\.safetensors$`);
  return preset(start, pair("sd15"), hasSdxl ? pair("sdxl") : null, {
    loras: [lora("sd15"), hasSdxl ? lora("sdxl") : null],
    needsFaces: true,
  });
}
