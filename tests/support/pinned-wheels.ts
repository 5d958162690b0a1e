import type { PinnedWheel } from "../../lib/recipe/kernels.ts";

/** Wheels of kernels as a stack pins them, with a hash of nothing. */
const sha256 = "5".repeat(64);
export const flashWheel: PinnedWheel = {
  url: "https://files.example.org/flash_attn-2.8.3%2Bcu13torch2.12-cp311-cp311-linux_x86_64.whl",
  sha256,
  version: "2.8.3+cu13torch2.12",
};
export const sageWheel: PinnedWheel = {
  url: "https://files.example.org/sageattention-2.2.0-cp39-abi3-manylinux_2_28_x86_64.whl",
  sha256,
  version: "2.2.0",
};
