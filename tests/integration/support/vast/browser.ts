import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";

/** An answer, with its headers in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request, with whatever certificate the other side has, and no redirect followed. */
export function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method = "GET", headers = {}, body } = question;
  const request = url.startsWith("https:") ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false, rejectUnauthorized: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on("error", reject);
    });
    asked.setTimeout(30_000, () => asked.destroy(new Error(`${method} ${url}: no answer in 30 s`)));
    asked.on("error", reject);
    asked.end(body);
  });
}

/** What a browser's page at `origin` does: cookies are kept, and sent with what a page's own script sends. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly origin: string;

  constructor(origin: string) {
    this.origin = origin;
  }

  get headers(): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return { ...(cookie ? { cookie } : {}), origin: this.origin, "sec-fetch-site": "same-origin" };
  }

  /** A page that its user opens. */
  visit(path: string): Promise<Answer> {
    return this.#ask(path, {
      headers: { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    });
  }

  /** What the page's script sends. Jupyter wants its cookie once more, in a header. */
  send(path: string, method = "GET", body?: object): Promise<Answer> {
    const xsrf = this.cookies.get("_xsrf");
    const headers = { "content-type": "application/json", ...(xsrf ? { "x-xsrftoken": xsrf } : {}) };
    return this.#ask(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  }

  /** A WebSocket of the page. */
  socket(path: string): WebSocket {
    // Node's own takes headers, which browsers set themselves.
    const options = { headers: this.headers } as unknown as string[];
    return new WebSocket(`${this.origin.replace(/^http/, "ws")}${path}`, options);
  }

  async #ask(path: string, question: Question): Promise<Answer> {
    const answer = await ask(`${this.origin}${path}`, {
      ...question,
      headers: { ...this.headers, ...question.headers },
    });
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    return answer;
  }
}

/** The messages of a WebSocket until one of them is the last; throws where it ends before. */
export function messages(
  socket: WebSocket,
  isLast: (text: string) => boolean,
  seconds = 30,
): Promise<string[]> {
  const found: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(limit);
      reject(new Error(`${why}: ${found.join("\n")}`));
    };
    const limit = setTimeout(() => fail(`no last message in ${seconds} s`), seconds * 1000);
    socket.addEventListener("message", ({ data }) => {
      found.push(String(data));
      if (!isLast(String(data))) return;
      clearTimeout(limit);
      socket.close();
      resolve(found);
    });
    socket.addEventListener("error", (event) =>
      fail(`the socket fails: ${(event as unknown as Error).message ?? ""}`),
    );
    socket.addEventListener("close", ({ code }) => fail(`the socket is closed (${code})`));
  });
}
