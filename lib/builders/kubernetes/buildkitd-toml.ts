import type { KubernetesSetting } from "./kubernetes-setting.ts";

/** As many builds it remembers: by itself 50, and a product has more stages, whose provenance is read at its end. */
const REMEMBERED = 500;
/** Of its volume: what is left is for the stage that is being built. */
const KEPT = 0.8;

/** buildkitd.toml of a pod. @param folder where it lies in the pod, with the authorities beside it */
export function buildkitdToml({ storage, registries = {} }: KubernetesSetting, folder: string): string {
  const tables = Object.entries(registries).map(([host, { http, ca, mirrors }]) =>
    [
      `\n[registry.${JSON.stringify(host)}]`,
      ...(http ? ["  http = true", "  insecure = true"] : []),
      ...(ca === undefined ? [] : [`  ca = [${JSON.stringify(`${folder}/${fileOf(host)}`)}]`]),
      ...(mirrors.length === 0 ? [] : [`  mirrors = ${JSON.stringify(mirrors)}`]),
    ].join("\n"),
  );
  return `[history]\n  maxEntries = ${REMEMBERED}\n${storage === undefined ? "" : workerToml(storage)}${tables.join("\n")}\n`;
}

/** As the builder on a machine has it (tools/services/buildkitd.ts): stages go before checkouts and the caches of compilers. */
function workerToml(storage: string): string {
  const megabytes = Math.floor((quantityNumber(storage) * KEPT) / 1e6);
  return `
[worker.oci]
  gc = true
  [[worker.oci.gcpolicy]]
    filters = ["type==source.local"]
    keepDuration = "48h"
    maxUsedSpace = "512MB"
  [[worker.oci.gcpolicy]]
    filters = ["type==regular", "type==source.local"]
    maxUsedSpace = "${Math.floor(megabytes * 0.85)}MB"
  [[worker.oci.gcpolicy]]
    all = true
    maxUsedSpace = "${megabytes}MB"
`;
}

/** The authorities as files beside it. */
export function filesOfConfig(authorities: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(authorities).map(([host, pem]) => [fileOf(host), pem]));
}

/** Keys of a ConfigMap take no colon. */
function fileOf(host: string): string {
  return `${host.replaceAll(/[^A-Za-z0-9.-]/g, "_")}.pem`;
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

/** A quantity of Kubernetes as a number. */
export function quantityNumber(quantity: string): number {
  const [, number = "0", unit = ""] = /^([\d.]+)(.*)$/.exec(quantity) ?? [];
  const binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].indexOf(unit);
  return Number(number) * (binary >= 0 ? 1024 ** (binary + 1) : (units[unit] ?? Number.NaN));
}
