import { z } from "zod";
import { failure } from "../access/failure.ts";
import { sharedTransport } from "../access/transport.ts";
import { type Reference, toReference } from "../references.ts";
import { checkDocument, parseJson } from "./stored-manifest.ts";

const TagPage = z.object({ tags: z.array(z.string()).nullable() });

/** All tags of a repository, page by page; an absent repository has none. The reference's own tag plays no part. */
export async function listTags(
  reference: string | Reference,
  transport = sharedTransport(),
): Promise<string[]> {
  const source = toReference(reference);
  const tags: string[] = [];
  let path: string | undefined = "tags/list?n=1000";
  while (path) {
    const answer = await transport.request(source, path);
    if (answer.status === 404 && tags.length === 0) {
      await answer.bytes();
      return [];
    }
    if (answer.status !== 200) throw await failure(source, answer, "list of tags");
    tags.push(
      ...(checkDocument(TagPage, parseJson(await answer.bytes()), source, "list of tags").tags ?? []),
    );
    path = nextPage(answer.headers, "tags/list");
  }
  return tags;
}

/**
 * Where the next page of a list is, without its host: a registry behind a proxy may name itself wrongly.
 *
 * @param path of this page, for a registry that gives a query alone
 */
export function nextPage(headers: Headers, path: string): string | undefined {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/i.exec(headers.get("link") ?? "")?.[1];
  if (!next) return undefined;
  const url = new URL(next, "http://registry.invalid/v2/");
  return next.startsWith("?") ? `${path}${url.search}` : `${url.pathname}${url.search}`;
}
