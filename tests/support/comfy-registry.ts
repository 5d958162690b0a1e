import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A node as Comfy's registry has it. */
export interface RegistryNode {
  readonly repository: string;
  /** When each version was published, as the registry writes it. */
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Comfy's registry on the loopback address: GET /nodes/{id} and GET /nodes/{id}/versions/{version} with the fields of its
 * API reference (docs.comfy.org, "Retrieve a specific node by ID" and "Retrieve a specific version of a node"). `asked` has
 * all paths: `/install` counts an installation, and nobody installs here.
 */
export async function startComfyRegistry(nodes: Readonly<Record<string, RegistryNode>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const [, id = "", version] = /^\/nodes\/([^/]+)(?:\/versions\/([^/]+))?$/.exec(request.url ?? "") ?? [];
    const node = nodes[id];
    const createdAt = version === undefined ? undefined : node?.versions[version];
    response.setHeader("content-type", "application/json");
    if (!node || (version !== undefined && createdAt === undefined)) {
      return response.writeHead(404).end('{"error":"not found","message":"not found"}');
    }
    const about = { id, name: id, description: "", author: "", license: "{}", repository: node.repository };
    const published = { id: "0b6d4fdc", node_id: id, version, createdAt, status: "NodeVersionStatusActive" };
    const downloadUrl = `https://cdn.example.com/${id}/${version}/node.zip`;
    return response.end(JSON.stringify(version === undefined ? about : { ...published, downloadUrl }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
