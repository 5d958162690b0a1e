import { type OsvQuestion, questionKey } from "../../lib/vulnerabilities/bill-parts.ts";
import type { RecordName, VulnerabilitySource } from "./vulnerability-source.ts";

/** A source that is asked nothing twice: stacks have most of their parts in common. */
export function remembering(source: VulnerabilitySource): VulnerabilitySource {
  const answers = new Map<string, readonly RecordName[]>();
  const records = new Map<string, ReturnType<VulnerabilitySource["record"]>>();
  return {
    name: source.name,
    unanswered: (question) => source.unanswered(question),
    recordsFor: async (questions) => {
      const open = questions.filter((question) => !answers.has(questionKey(question)));
      const found = open.length > 0 ? await source.recordsFor(open) : [];
      for (const [at, question] of open.entries()) answers.set(questionKey(question), found[at] ?? []);
      return questions.map((question: OsvQuestion) => answers.get(questionKey(question)) ?? []);
    },
    record: (name) => {
      const known = records.get(name.id) ?? source.record(name);
      records.set(name.id, known);
      return known;
    },
  };
}
