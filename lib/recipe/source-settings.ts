import { z } from "zod";
import { attentionKernels } from "../gpu/compatibility.ts";
import { redact } from "../redact.ts";

/** Git addresses become part of stages, and everybody may read those. */
const openAddress = z
  .string()
  .refine(
    (address) => redact(address) === address,
    "expected an address without a login or token; give those to git on the builder",
  );

/** `strata:mirrors`: prefixes of addresses, and what replaces them. */
export const mirrorsSetting = z.record(z.string(), openAddress);

/** `strata:llama`: whether an image has llama.cpp, and which source it is compiled from. */
export const llamaSetting = z.strictObject({
  enabled: z.boolean().default(true),
  source: z.enum(["sdist", "git"]).default("sdist"),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/, "expected a full commit of 40 hex digits")
    .optional(),
  ui: z.boolean().default(true),
  vmm: z.boolean().default(true),
});

export const llamaDefaults = { enabled: true, source: "sdist", ui: true, vmm: true } as const;

const address = openAddress.regex(/^https?:\/\/\S+$/, "expected an address");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected a sha256 of 64 hex digits");

/** `strata:cloudflared`: another release than that of locks/sources.json, or none. */
export const cloudflaredSetting = z.union(
  [
    z.strictObject({ enabled: z.boolean() }),
    z.strictObject({ url: address, sha256, version: z.string().min(1) }),
  ],
  "expected {enabled: true or false}, or {url, sha256, version} of a release",
);
export type CloudflaredSetting = z.output<typeof cloudflaredSetting>;

/** `strata:cpython`: where the interpreter comes from that the base image does not bring; an archive: `install_only`. */
export const cpythonSetting = z.union(
  [
    z.strictObject({ from: z.enum(["standalone", "source"]) }),
    z.strictObject({ url: address, sha256, version: z.string().regex(/^3\.\d+\.\d+$/) }),
  ],
  'expected {from: "standalone" or "source"}, or {url, sha256, version} of an archive such as python-build-standalone releases',
);
export type CpythonSetting = z.output<typeof cpythonSetting>;

/** `strata:tensorrt`: wheels of TensorRT, from whichever index has them. */
export const tensorrtSetting = z.array(
  z.strictObject({
    // An sdist of that name is a stub, which fetches the libraries when it is built.
    url: address.regex(
      /\/tensorrt[\w.]*-[^-/]+-[^/]+\.whl([?#].*)?$/,
      "expected the address of a wheel of TensorRT, tensorrt_cu13_libs-….whl",
    ),
    sha256,
  }),
);
export type TensorRtSetting = z.output<typeof tensorrtSetting>;

/** Pulumi stores `true` as text. */
const switchSetting = z.union(
  [z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")],
  "expected true or false",
);

/** `strata:wheels`: kernels that the stack brings itself. */
export const wheelsSetting = z.partialRecord(
  // Which Triton belongs to a torch, torch says.
  z.enum(attentionKernels).exclude(["triton"]),
  z.strictObject({
    url: openAddress.regex(/^https?:\/\/\S+$/, "expected the address of a wheel"),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a sha256 of 64 hex digits"),
    version: z.string().min(1),
  }),
);

/** What images are made of beside their recipe. */
export const sourceSettings = {
  llama: llamaSetting.default(llamaDefaults),
  wheels: wheelsSetting.default({}),
  cloudflared: cloudflaredSetting.default({ enabled: true }),
  cpython: cpythonSetting.default({ from: "standalone" }),
  tensorrt: tensorrtSetting.default([]),
  mirrors: mirrorsSetting.default({}),
  /** Whether one login stands before the services. */
  door: switchSetting.default(false),
  /** Whether a running container can compile packages; absent: as the recipe says. */
  buildTools: switchSetting.optional(),
};
