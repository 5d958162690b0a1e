/** A model's own address: pages and links for a browser lead to it. null where none follows. */
export function fileAddress(url: string): string | null {
  const parsed = URL.parse(url.trim());
  if (!parsed) return null;
  const { hostname, pathname, search, searchParams } = parsed;
  if (/(^|\.)civitai\.(com|green|red)$/.test(hostname)) {
    const version = searchParams.get("modelVersionId");
    // A page without a version shows whichever is the newest.
    if (/^\/models\/\d+/.test(pathname)) {
      return /^\d+$/.test(version ?? "") ? `https://civitai.com/api/download/models/${version}` : null;
    }
    // A key that its guide puts there does not belong into a lock that everybody sees.
    searchParams.delete("token");
  }
  if (hostname === "hf.co" || hostname === "huggingface.co") {
    parsed.hostname = "huggingface.co";
    parsed.pathname = pathname.replace(/^(\/(?:datasets\/)?[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
    if (search === "?download=true") parsed.search = "";
  }
  return parsed.href;
}
