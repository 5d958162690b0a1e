/** What a layer's digest hangs on, member by member, as its tar streams by. */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { extract, type Header } from "tar-stream";
import type { TarMember } from "../../lib/reproduction/members.ts";
import { memberPath, memberType } from "../../oci/read/tar-listing.ts";

/** What the other fields of a member say already. */
const SAID = /^(?:path|linkpath|size|uid|gid|uname|gname|mtime)$/;

/**
 * Reads a tar to its end. @throws whatever the source throws, and Error for a damaged tar
 *
 * @param onFile gets the bytes of each file for which it gives somewhere to put them
 */
export async function readMembers(
  tar: Readable,
  wanted: (path: string, size: number) => ((bytes: Buffer) => void) | undefined = () => undefined,
): Promise<TarMember[]> {
  const members = extract();
  tar.on("error", (error) => members.destroy(error));
  tar.pipe(members);
  const found: TarMember[] = [];
  try {
    for await (const member of members) {
      const { header } = member;
      const path = memberPath(header.name);
      const take = wanted(path, header.size ?? 0);
      const hash = createHash("sha256");
      const chunks: Buffer[] = [];
      for await (const chunk of member) {
        hash.update(chunk as Buffer);
        if (take) chunks.push(chunk as Buffer);
      }
      take?.(Buffer.concat(chunks));
      found.push(memberOf(path, header, hash.digest("hex")));
    }
  } finally {
    tar.destroy();
  }
  return found;
}

function memberOf(path: string, header: Header, sha256: string): TarMember {
  const type = memberType(header.type);
  const pax = (header.pax ?? {}) as Record<string, string>;
  const more = Object.entries(pax).filter(([name]) => !SAID.test(name));
  const device =
    header.devmajor || header.devminor ? [["device", `${header.devmajor}:${header.devminor}`]] : [];
  const attributes = [...more, ...device].sort();
  return {
    path,
    type,
    size: header.size ?? 0,
    mode: (header.mode ?? 0) & 0o7777,
    owner: `${header.uid ?? 0}:${header.gid ?? 0}${header.uname || header.gname ? ` ${header.uname}:${header.gname}` : ""}`,
    // The header has whole seconds alone.
    seconds: Number(pax.mtime ?? (header.mtime?.getTime() ?? 0) / 1_000),
    ...(header.linkname && { target: header.linkname }),
    ...(attributes.length > 0 && { attributes: JSON.stringify(attributes) }),
    ...(type === "file" && { sha256 }),
  };
}
