import { at, listAt, type PolicyRule, textAt } from "./policy-rule.ts";

/** Nothing comes into a host of tests: what it does, it asks for. */
export const hostIngress: PolicyRule = {
  name: "host-ingress",
  description: "Security groups of hosts let nothing in.",
  problems: ({ type, props }) => {
    switch (type) {
      case "aws:ec2/securityGroup:SecurityGroup":
        return listAt(props, "ingress").length > 0 ? ["it lets something in"] : [];
      case "aws:ec2/securityGroupRule:SecurityGroupRule":
        return textAt(props, "type") === "ingress" ? ["it lets something in"] : [];
      case "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
        return ["it lets something in"];
      default:
        return [];
    }
  },
};

/** Without a token, whatever a process can be made to fetch gets the role's credentials. */
export const imdsV1: PolicyRule = {
  name: "imds-v1",
  description: "Instances answer questions about themselves only with a token (IMDSv2).",
  problems: ({ type, props }) => {
    if (type !== TEMPLATE && type !== INSTANCE) return [];
    if (textAt(props, "metadataOptions", "httpEndpoint") === "disabled") return [];
    return textAt(props, "metadataOptions", "httpTokens") === "required"
      ? []
      : ["its metadataOptions.httpTokens is not required: IMDSv1 answers"];
  },
};

export const unencryptedVolume: PolicyRule = {
  name: "unencrypted-volume",
  description: "Volumes of hosts are encrypted.",
  problems: ({ type, props }) => {
    switch (type) {
      case TEMPLATE: {
        const devices = listAt(props, "blockDeviceMappings").filter((each) => at(each, "ebs") !== undefined);
        // The volume of the AMI is as the AMI has it.
        if (devices.length === 0) return ["it says nothing of its volumes, and an AMI's are mostly in clear"];
        return devices
          .filter((each) => !isYes(at(each, "ebs", "encrypted")))
          .map((each) => `its volume ${textAt(each, "deviceName") ?? ""} is not encrypted`);
      }
      case INSTANCE: {
        const devices = [at(props, "rootBlockDevice"), ...listAt(props, "ebsBlockDevices")];
        return devices
          .filter((each) => !isYes(at(each, "encrypted")))
          .map(() => "a volume of it is not encrypted");
      }
      case "aws:ebs/volume:Volume":
        return isYes(at(props, "encrypted")) ? [] : ["it is not encrypted"];
      default:
        return [];
    }
  },
};

const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const INSTANCE = "aws:ec2/instance:Instance";

/** A launch template has words where an instance has truth. */
function isYes(value: unknown): boolean {
  return value === true || value === "true";
}
