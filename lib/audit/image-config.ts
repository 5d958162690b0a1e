/** Secrets and host paths in an image's configuration. */

import { secretsInConfigText, soundsSecret } from "../secrets.ts";
import type { AuditConfig, Finding } from "./audit-schema.ts";
import type { Tree } from "./file-tree.ts";
import { finding } from "./rules.ts";

/**
 * @param hostPaths folders of the build machine that may not be named
 * @param tree the image's files: a home folder that is in the image is no host path
 */
export function checkConfig(config: AuditConfig, hostPaths: readonly string[], tree: Tree): Finding[] {
  const texts = textsOf(config);
  const imageHome = variables(config).find(({ name }) => name === "HOME")?.value;
  const isInImage = (home: string) => tree.exists(home) || home === imageHome;
  const inTexts = texts.flatMap(({ where, text }) => [
    ...secretsInConfigText(text).map((kind) =>
      finding("secret-in-config", null, null, `${kind} in ${where}`),
    ),
    ...hostPathsIn(text, hostPaths, isInImage).map((path) =>
      finding("host-path", null, null, `${path} in ${where}`),
    ),
  ]);
  const inNames = variables(config)
    .filter(({ name, value }) => value !== "" && soundsSecret(name))
    .map(({ name }) => finding("secret-named-variable", null, null, `variable ${name} has a value`));
  return [...inTexts, ...inNames];
}

function textsOf(config: AuditConfig): { where: string; text: string }[] {
  const inner = config.config ?? {};
  return [
    ...variables(config).map(({ name, value }) => ({ where: `variable ${name}`, text: value })),
    ...Object.entries(inner.Labels ?? {}).map(([name, text]) => ({ where: `label ${name}`, text })),
    { where: "entrypoint", text: (inner.Entrypoint ?? []).join(" ") },
    { where: "command", text: (inner.Cmd ?? []).join(" ") },
    { where: "working folder", text: inner.WorkingDir ?? "" },
    ...(config.history ?? []).map(({ created_by, comment }, index) => ({
      where: `history step ${index + 1}`,
      text: `${created_by ?? ""}\n${comment ?? ""}`,
    })),
  ];
}

function variables(config: AuditConfig): { name: string; value: string }[] {
  return (config.config?.Env ?? []).map((line) => {
    const equals = line.indexOf("=");
    return equals < 0
      ? { name: line, value: "" }
      : { name: line.slice(0, equals), value: line.slice(equals + 1) };
  });
}

function hostPathsIn(
  text: string,
  hostPaths: readonly string[],
  isInImage: (home: string) => boolean,
): string[] {
  const named = hostPaths.filter((path) => contains(text, path));
  const homes = [...text.matchAll(/(?<![\w.:/-])(\/(?:home|Users)\/[A-Za-z0-9._-]+)(?=\/|$|[\s:"',])/gm)]
    .map(([, home = ""]) => home)
    .filter((home) => !isInImage(home));
  const windows = [...text.matchAll(/\b[A-Z]:\\+Users\\+[A-Za-z0-9._-]+/g)].map(([path]) => path);
  return [...new Set([...named, ...homes, ...windows])];
}

/** Whole path parts only: `/work` is not in `/workspace`, nor in `/opt/work`. */
function contains(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at >= 0; at = text.indexOf(path, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + path.length] ?? " ";
    if (!/[\w.-]/.test(before) && !/[\w.-]/.test(after)) return true;
  }
  return false;
}
