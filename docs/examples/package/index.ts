/** The program that Pulumi runs: strata's own. What it exports is what `pulumi up` shows. */
export { default } from "strata/program";
