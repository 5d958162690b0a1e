import engineMessages from "@pulumi/pulumi/proto/engine_pb.js";
import { main } from "@pulumi/pulumi/provider/index.js";
import settings from "@pulumi/pulumi/runtime/settings.js";
import { commandProvider } from "./provider.ts";
import { signalAll } from "./run-command.ts";

/** How often to look whether the engine that started this provider is still there, in milliseconds. */
const WATCH_MS = 1_000;

const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";
settings.resetOptions("", "", -1, engineAddress, "", false, "");

// One line after the other, in the order in which the command wrote them.
let sent = Promise.resolve();
function log(urn: string, line: string): void {
  sent = sent.then(
    () =>
      new Promise((resolve) => {
        const request = new engineMessages.LogRequest();
        request.setSeverity(engineMessages.LogSeverity.INFO);
        request.setMessage(line);
        request.setUrn(urn);
        request.setEphemeral(true);
        const engine = settings.getEngine();
        if (engine) engine.log(request, () => resolve());
        else resolve();
      }),
  );
}

function endWith(code: number): void {
  signalAll("SIGKILL");
  process.exit(code);
}
// The engine ends its plugins with SIGINT, and waits 5 s for those that do not heed it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => endWith(0));

// An engine that was killed cannot say so; without it nobody waits for what runs here.
const engine = process.ppid;
setInterval(() => {
  if (process.ppid !== engine) endWith(1);
}, WATCH_MS).unref();

await main(commandProvider(log), process.argv.slice(2));
