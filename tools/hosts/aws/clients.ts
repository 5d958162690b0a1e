import { setTimeout } from "node:timers/promises";
import { EC2Client } from "@aws-sdk/client-ec2";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SSMClient } from "@aws-sdk/client-ssm";

/** The services that a host on AWS takes; tests stand in for them. */
export interface AwsClients {
  readonly ec2: Pick<EC2Client, "send">;
  readonly ssm: Pick<SSMClient, "send">;
  readonly scheduler: Pick<SchedulerClient, "send">;
  /** Resolves after so many milliseconds, or when `signal` says that nobody waits any more. */
  readonly pause: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** As many attempts as the SDK makes at a request that was throttled or lost. */
const ATTEMPTS = 6;

/** The real ones, with the credentials that AWS's own tools would find. */
export function awsClients({
  region,
  profile,
}: {
  region: string;
  profile?: string | undefined;
}): AwsClients {
  const options = { region, maxAttempts: ATTEMPTS, ...(profile ? { profile } : {}) };
  return {
    ec2: new EC2Client(options),
    ssm: new SSMClient(options),
    scheduler: new SchedulerClient(options),
    pause: (milliseconds, signal) =>
      setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => {}),
  };
}
