import type { Product } from "../../lib/plan/plan.ts";

/** What a product is compared with: the Dockerfile that says the same, of which a builder makes a copy of every stage. */
export function productDockerfile({ parents, settings }: Pick<Product, "parents" | "settings">): string {
  const [system, ...stages] = parents;
  const { labels, environment, ports, healthcheck, user, entrypoint } = settings;
  const { command, intervalSeconds, timeoutSeconds, startPeriodSeconds } = healthcheck;
  return [
    `FROM ${system}`,
    ...stages.map((name) => `COPY --link --from=${name} / /`),
    ...Object.entries(labels).map(([name, value]) => `LABEL ${name}=${quote(value)}`),
    ...Object.entries(environment).map(([name, value]) => `ENV ${name}=${quote(value)}`),
    ...ports.map((port) => `EXPOSE ${port}`),
    `HEALTHCHECK --interval=${intervalSeconds}s --timeout=${timeoutSeconds}s --start-period=${startPeriodSeconds}s CMD ${JSON.stringify(command)}`,
    `USER ${user}`,
    `ENTRYPOINT ${JSON.stringify(entrypoint)}`,
    "",
  ].join("\n");
}

/** A Dockerfile string: the three characters that mean something inside double quotes are escaped. */
function quote(value: string): string {
  return `"${value.replace(/[\\"$]/g, "\\$&")}"`;
}
