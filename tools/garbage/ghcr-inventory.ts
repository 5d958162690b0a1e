import { UserError } from "../../errors.ts";
import type { StoredItem } from "../../lib/garbage/contents.ts";
import type { Reference } from "../../oci/references.ts";
import { type GitHub, statusOf } from "../program/github-client.ts";
import type { StoredImages } from "./stored-images.ts";

/** A version of a package, as GitHub lists it: https://docs.github.com/en/rest/packages/packages */
interface Version {
  readonly id: number;
  /** The digest. */
  readonly name: string;
  readonly created_at: string;
}

/**
 * GHCR refuses to remove manifests by the protocol (405); GitHub removes versions of a package, each a digest with all its
 * tags. It keeps the last version that has a tag, and those of a public package that were fetched over 5000 times, and says so.
 */
export function ghcrInventory(github: GitHub): StoredImages {
  const versions = new Map<string, number>();
  const places = new Map<string, Promise<string>>();
  const placeOf = (target: Reference) => {
    const key = target.repository;
    const place = places.get(key) ?? packagePath(github, target);
    places.set(key, place);
    return place;
  };
  return {
    storedAt: async (target) => {
      const path = await placeOf(target);
      const all = await asked(
        target,
        () => github.paginate(`GET ${path}/versions`, { per_page: 100 }) as Promise<Version[]>,
      );
      for (const { name, id } of all) versions.set(name, id);
      return new Map(all.map(({ name, created_at }) => [name, new Date(created_at)]));
    },
    remove: async (target, { digest }: StoredItem) => {
      const id = versions.get(digest);
      if (id === undefined) return;
      const path = await placeOf(target);
      await asked(target, () => github.request(`DELETE ${path}/versions/${id}`), digest);
    },
  };
}

/** Where GitHub has the package: an organisation's and a user's are asked for by different names. */
async function packagePath(github: GitHub, target: Reference): Promise<string> {
  const [owner = "", ...name] = target.repository.split("/");
  const { data } = await asked(target, () => github.request("GET /users/{username}", { username: owner }));
  const place = data.type === "Organization" ? "orgs" : "users";
  return `/${place}/${owner}/packages/container/${encodeURIComponent(name.join("/"))}`;
}

/** What GitHub says no to, in its own words. A version that is gone already is none. */
async function asked<T>(
  { registry, repository }: Reference,
  request: () => Promise<T>,
  digest?: string,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    if (status === 404 && digest !== undefined) return undefined as T;
    throw new UserError(
      `${registry}/${repository}${digest ? `@${digest}` : ""}`,
      `GitHub answered ${status}: ${error instanceof Error ? error.message : error}.`,
      status === 400
        ? "It stays; remove the package as a whole where that is meant."
        : "Use a token with read:packages and delete:packages in GITHUB_TOKEN, of somebody with the role admin for the package.",
    );
  }
}
