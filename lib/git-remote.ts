/**
 * The web address of a git remote, for the label `org.opencontainers.image.source`: without a user, a password or
 * `.git`. null for what is no address that others can use, such as a folder of this machine.
 */
export function remoteAddress(remote: string): string | null {
  const scp = /^(?:[\w.-]+@)?([\w.-]+\.[\w-]+):(?!\/\/)(.+)$/.exec(remote);
  const url = scp ? `https://${scp[1]}/${scp[2]}` : remote;
  if (!/^(https?|ssh|git):\/\//.test(url)) return null;
  const { hostname, port, protocol, pathname } = new URL(url);
  const keepsPort = protocol.startsWith("http") && port !== "";
  return `https://${hostname}${keepsPort ? `:${port}` : ""}${pathname.replace(/\/?(\.git)?\/?$/, "")}`;
}
