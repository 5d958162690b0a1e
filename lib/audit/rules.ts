/** Every kind of finding: how grave it is, what it is called, and what to do about it. */
import type { Finding, FindingCode } from "./audit-schema.ts";

interface Rule {
  readonly severity: Finding["severity"];
  /** Heading above the findings of this kind. */
  readonly title: string;
  readonly remedy: string;
}

export const RULES: { readonly [code in FindingCode]: Rule } = {
  "duplicate-path": {
    severity: "broken",
    title: "Paths in two layers",
    remedy: "Let one stage own the path: take it out of the other's /out.",
  },
  "type-conflict": {
    severity: "broken",
    title: "A layer replaces a path by one of another type",
    remedy: "Write to the real folder (/usr/lib, not /lib, where that is a link) in the stage's /out.",
  },
  "directory-mismatch": {
    severity: "broken",
    title: "Folders whose mode or owner a higher layer changes",
    remedy: "Give the folder the lower layer's mode and owner in the stage's /out.",
  },
  whiteout: {
    severity: "broken",
    title: "Layers that delete what a lower layer carries",
    remedy: "Leave the files out where they are made: deleting them later saves no bytes.",
  },
  secret: {
    severity: "broken",
    title: "Secrets in layers",
    remedy: "Revoke it, give it to the build as a secret mount, and build the stage again.",
  },
  "secret-in-config": {
    severity: "broken",
    title: "Secrets in the configuration",
    remedy:
      "Revoke it, and use a secret mount (build) or the container's environment (run) in place of ARG or ENV.",
  },
  "secret-named-variable": {
    severity: "warning",
    title: "Variables that sound like secrets and have a value",
    remedy: "Set it when the container starts, not in the image.",
  },
  "host-path": {
    severity: "broken",
    title: "Paths of the build machine",
    remedy: "Pass files through the context or a mount, never a path of the host as an argument.",
  },
  "set-uid": {
    severity: "broken",
    title: "Set-uid and set-gid files above the system layers",
    remedy: "Remove the bits in the stage: chmod u-s,g-s.",
  },
  "world-writable": {
    severity: "warning",
    title: "Paths that everyone may write",
    remedy: "chmod o-w, or chown it to the user that runs; a shared folder needs the sticky bit (1777).",
  },
  "same-bytes": {
    severity: "warning",
    title: "The same bytes at several paths",
    remedy: "Keep one and link the others to it.",
  },
  "cuda-versions": {
    severity: "warning",
    title: "A CUDA library in several builds",
    remedy: "Let the packages share the `cuda` stage's library, or drop the package that brings its own.",
  },
  "device-node": {
    severity: "broken",
    title: "Device nodes",
    remedy: "Leave /dev out: the container engine provides it.",
  },
  "dangling-symlink": {
    severity: "warning",
    title: "Absolute links that lead nowhere",
    remedy: "Point the link at a path in the image, or drop it.",
  },
  "size-budget": {
    severity: "broken",
    title: "Size",
    remedy: "Drop something from the largest layer, or raise the budget on purpose.",
  },
  "layer-size": {
    severity: "broken",
    title: "Layers that a registry refuses",
    remedy: "Make two stages of it.",
  },
  "layer-count": {
    severity: "broken",
    title: "Layers that a container engine cannot mount",
    remedy: "Put what changes together into one stage.",
  },
  platform: {
    severity: "broken",
    title: "Platform",
    remedy: "Build it on and for linux/amd64: GPU hosts are of no other kind here.",
  },
  "stage-names": {
    severity: "warning",
    title: "Labels that do not fit the image",
    remedy: "Build the image again with this version of strata.",
  },
};

/** Makes a finding of a kind; severity and remedy come from the table unless given. */
export function finding(
  code: FindingCode,
  layer: number | null,
  path: string | null,
  detail: string,
  more: { readonly severity?: Finding["severity"]; readonly wastedBytes?: number } = {},
): Finding {
  const { severity, remedy } = RULES[code];
  return {
    code,
    severity: more.severity ?? severity,
    layer,
    path,
    detail,
    remedy,
    wastedBytes: more.wastedBytes ?? 0,
  };
}
