/** aws-actions/configure-aws-credentials: the job's identity token for a role, whose trust is looked at; then AWS's variables. */
import { action, ask, exportVariable, input, job, run } from "./common.ts";

await action(async () => {
  if (!input("aws-region")) throw new Error("Input required and not supplied: aws-region");
  const role = encodeURIComponent(input("role-to-assume"));
  const credentials = JSON.parse((await ask(`/role?run=${run}&job=${job}&role=${role}`)).toString());
  for (const [name, value] of Object.entries(credentials)) {
    console.log(`::add-mask::${value}`);
    exportVariable(name, String(value));
  }
  exportVariable("AWS_REGION", input("aws-region"));
  exportVariable("AWS_DEFAULT_REGION", input("aws-region"));
});
