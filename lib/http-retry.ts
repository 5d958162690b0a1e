/** What HTTP says about asking again. */

/** Nobody waits longer for a server, whatever it asks for. */
export const LONGEST_PAUSE_MS = 60_000;

const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether an answer with this status may well be another one at the next attempt. */
export function isPassingStatus(status: number): boolean {
  return passing.has(status);
}

/** How long `Retry-After` asks to wait: seconds or a date (RFC 9110); undefined where it says neither. */
export function retryAfterMs(value: string | null, now = Date.now()): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // A date begins with its day of the week; without it Date.parse takes "1.5" for one. All forms are in UTC.
  const date = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text.replace(/( GMT)?$/, " GMT")) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
