import { debianPurl } from "../bill/purl.ts";

/** A stage as far as its locked packages are read. */
export interface PlannedStageFiles {
  readonly role: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly files?: readonly { readonly path: string; readonly content: Uint8Array | string }[];
}

/** A package of the distribution that a plan installs, by its address. */
export interface LockedDistributionPackage {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/** Bases by their names in locks/images.json. */
const releases: Readonly<Record<string, { readonly id: string; readonly version: string }>> = {
  "debian-bookworm": { id: "debian", version: "12" },
  "debian-trixie": { id: "debian", version: "13" },
  "debian-forky": { id: "debian", version: "14" },
  "ubuntu-24.04": { id: "ubuntu", version: "24.04" },
  "ubuntu-26.04": { id: "ubuntu", version: "26.04" },
};

/** What `system` installs by locks/apt; what the base image brings itself is in no plan. */
export function lockedDistribution(stages: readonly PlannedStageFiles[]): LockedDistributionPackage[] {
  const system = stages.find(({ role }) => role === "system");
  const list = system?.files?.find(({ path }) => path === "locked-packages.txt");
  const base = Object.keys(system?.inputs ?? {}).flatMap(
    (input) => releases[input.replace(/^pin:/, "")] ?? [],
  )[0];
  if (!list || !base) return [];
  const lines = Buffer.from(list.content)
    .toString()
    .matchAll(/^package (\S+) (\S+) \S+ (\S+)$/gm);
  return [...lines].map(([, name = "", version = "", path = ""]) => {
    // An archive keeps packages in the folder of their source; one that was only built again has its version.
    const source = path.split("/").at(-2) ?? name;
    const sourceVersion = version.replace(/\+b\d+$/, "");
    const upstream = sourceVersion === version ? source : `${source}@${sourceVersion}`;
    const more = upstream === name ? {} : { source: upstream };
    return { name, version, purl: debianPurl({ name, version, architecture: "amd64", ...more }, base) };
  });
}
