import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** One question that the fake hub was asked. */
export interface HubRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface FakeHub {
  readonly address: string;
  readonly requests: HubRequest[];
  stop(): Promise<void>;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that gives the answer of the first path that fits, and 404 otherwise. */
export async function startFakeHub(answers: Readonly<Record<string, Answer>>): Promise<FakeHub> {
  const asked: HubRequest[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push({ method: request.method ?? "", path, authorization: request.headers.authorization });
    const answer = answers[path];
    if (answer) answer(response, request);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    address: `http://127.0.0.1:${address.port}`,
    requests: asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with a status and headers. */
export function respond(status: number, headers: Record<string, string> = {}, body = ""): Answer {
  return (response) => response.writeHead(status, headers).end(body);
}
