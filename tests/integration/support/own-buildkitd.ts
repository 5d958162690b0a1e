import { join } from "node:path";
import { executables } from "../../../tools/toolchain/find.ts";

/**
 * The configuration of a buildkitd that a test starts beside the clone's.
 *
 * @param root its folder
 * @param grpc how it is asked: the section's lines
 * @param more further sections
 */
export function buildkitdConfig(root: string, grpc: readonly string[], more: readonly string[] = []): string {
  const [runc = "runc"] = executables("runc", process.env.PATH ?? "");
  return [
    `root = "${join(root, "store")}"`,
    "[grpc]",
    ...grpc,
    "[otel]",
    `socketPath = "${join(root, "otel.sock")}"`,
    "[worker.oci]",
    "enabled = true",
    'networkMode = "host"',
    'snapshotter = "auto"',
    `binary = "${runc}"`,
    "[worker.containerd]",
    "enabled = false",
    ...more,
    "",
  ].join("\n");
}
