/**
 * `docker login HOST --username NAME --password-stdin`, as the client does it where there is no engine: the registry says whom
 * to ask, and who gets a token there may log in. The login lies in ~/.docker/config.json, as it does on a runner.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";

const { positionals, values } = parseArgs({
  options: { username: { type: "string" }, "password-stdin": { type: "boolean" } },
  allowPositionals: true,
});
const [command, host] = positionals;
if (command !== "login" || !host || !values.username || !values["password-stdin"]) {
  console.error(`docker: there is no engine for: ${process.argv.slice(2).join(" ")}`);
  process.exit(1);
}
const auth = Buffer.from(`${values.username}:${(await text(process.stdin)).trimEnd()}`).toString("base64");
const challenge = (await fetch(`https://${host}/v2/`)).headers.get("www-authenticate") ?? "";
const [, realm = "", service] = /realm="([^"]+)",service="([^"]+)"/.exec(challenge) ?? [];
const answer = await fetch(`${realm}?service=${service}`, { headers: { authorization: `Basic ${auth}` } });
if (!answer.ok) {
  console.error(`Error response from daemon: Get "https://${host}/v2/": denied: denied`);
  process.exit(1);
}
const folder = process.env.DOCKER_CONFIG ?? join(process.env.HOME ?? "", ".docker");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 });
console.log("Login Succeeded");
