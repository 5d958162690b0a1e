/**
 * A language host in front of ours, which is one of 2023 where it was built from its Go module and tells Pulumi nothing of
 * packages: it answers as today's does (sdk/nodejs/cmd/pulumi-language-nodejs of 3.259, GetRequiredPackages), with each package
 * in node_modules whose package.json says `pulumi.resource`. All else goes on to the host in STRATA_TEST_LANGUAGE_HOST.
 */
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import services from "@pulumi/pulumi/proto/language_grpc_pb.js";
import languageMessages from "@pulumi/pulumi/proto/language_pb.js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import { repository } from "../../../home.ts";

const { LanguageRuntimeClient, LanguageRuntimeService } = services;
type Unary = grpc.handleUnaryCall<unknown, unknown>;

function requiredPackages() {
  const answer = new languageMessages.GetRequiredPackagesResponse();
  for (const file of globSync("node_modules/@pulumi/*/package.json", { cwd: repository })) {
    const { pulumi } = JSON.parse(readFileSync(join(repository, file), "utf8"));
    if (!pulumi?.resource) continue;
    const dependency = new pluginMessages.PackageDependency();
    dependency.setName(pulumi.name);
    dependency.setKind("resource");
    dependency.setVersion(pulumi.version);
    answer.addPackages(dependency);
  }
  return answer;
}

const real = spawn(process.env.STRATA_TEST_LANGUAGE_HOST ?? "", process.argv.slice(2), {
  stdio: ["ignore", "pipe", "inherit"],
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));
process.on("exit", () => real.kill());
real.on("exit", () => process.exit(0));

const lines = createInterface({ input: real.stdout });
const { value: port } = await lines[Symbol.asyncIterator]().next();
const client = new LanguageRuntimeClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
const passed = ["getRequiredPlugins", "run", "getPluginInfo", "about"] as const;
const server = new grpc.Server();
server.addService(LanguageRuntimeService, {
  ...Object.fromEntries(
    passed.map((name): [string, Unary] => [
      name,
      ({ request }, answer) =>
        (client[name] as (request: unknown, done: grpc.requestCallback<unknown>) => void).call(
          client,
          request,
          (error, response) => answer(error, response),
        ),
    ]),
  ),
  getRequiredPackages: ((_, answer) => answer(null, requiredPackages())) satisfies Unary,
} as unknown as grpc.UntypedServiceImplementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
  if (error) throw error;
  process.stdout.write(`${bound}\n`);
});
