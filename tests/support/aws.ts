import type { Answers, Calls } from "./mocks.ts";

/** What AWS's provider answers in a region with two zones, in no order, as EC2 does. */
export const awsCalls: Calls = {
  "aws:ec2/getSubnets:getSubnets": () => ({ ids: ["subnet-0b", "subnet-0a"] }),
  "aws:ec2/getSubnet:getSubnet": ({ id }) => ({ id, vpcId: `vpc-of-${id}` }),
};

export const awsAnswers: Answers = {
  "aws:ec2/launchTemplate:LaunchTemplate": { latestVersion: 7 },
  "aws:iam/role:Role": (name: string) => ({ arn: `arn:aws:iam::123456789012:role/${name}`, name }),
  "aws:iam/instanceProfile:InstanceProfile": (name: string) => ({
    arn: `arn:aws:iam::123456789012:instance-profile/${name}`,
  }),
};
