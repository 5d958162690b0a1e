/** Which pods are a workload's: LabelSelector of Kubernetes' meta/v1. */
export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** The same for a question about pods. One that names nothing is about all of a namespace, so it is refused. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector = {}): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case "Exists":
        return key;
      case "DoesNotExist":
        return `!${key}`;
      case "In":
        return `${key} in (${values.join(",")})`;
      case "NotIn":
        return `${key} notin (${values.join(",")})`;
      default:
        throw new Error(`a selector has the operator ${operator}, which Kubernetes did not have`);
    }
  });
  const parts = [...labels, ...expressions];
  if (parts.length === 0) throw new Error("a workload selects all pods of its namespace");
  return parts.join(",");
}
