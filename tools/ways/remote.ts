import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { projectFolder } from "../../home.ts";
import { isPem } from "../../lib/builders/builder-problems.ts";
import type { RemoteSetting } from "../../lib/builders/remote-setting.ts";
import { tlsUpstream, type Upstream } from "./dial.ts";

/** `{kind: remote}`: somebody keeps it running. @throws UserError */
export function reachRemote(path: string, { address, tls }: RemoteSetting): Upstream[] {
  const read = (name: "ca" | "cert" | "key") => {
    const given = tls[name];
    if (isPem(given)) return given;
    const file = resolve(projectFolder, given);
    if (existsSync(file)) return readFileSync(file, "utf8");
    throw new UserError(
      `${path}.tls.${name}`,
      `there is no file ${given}.`,
      "Give a whole path or one from the folder of Pulumi.yaml, or the text in PEM.",
    );
  };
  const pair = { ca: read("ca"), cert: read("cert"), key: read("key"), serverName: tls.serverName };
  return address.map((each) => tlsUpstream(each, pair));
}
