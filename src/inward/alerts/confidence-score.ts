/** What the score of a candidate is made of (inbound contract, section 8). */
export interface ScoredIdentity {
  /** Assigned and detected roles. */
  roles: number;
  accounts: number;
  requestsSubmitted: number;
  requestsTargeting: number;
  /** ms since 1970; null = not known, which counts as long ago. */
  modifiedAtMs: number | null;
  lastLoginAtMs: number | null;
}

const DAY_MS = 86_400_000;

/**
 * How likely an identity is meant when several own an account of the same name: 6 to 90, a whole number. Each is scored on its own. The formula is kept as it is for
 * compatibility: the half-weighted input still divides by 5, and day 10 scores less than day 11.
 */
export function confidenceScore(identity: ScoredIdentity, nowMs: number): number {
  const roles = identity.roles > 3 ? 100 : 30 * identity.roles;
  const accounts = identity.accounts > 3 ? 100 : 30 * identity.accounts;
  const requests = (requestScore(identity.requestsSubmitted) + requestScore(identity.requestsTargeting)) / 2;
  const modified = identity.modifiedAtMs === null ? 10 : recencyScore(identity.modifiedAtMs, nowMs);
  // Never logged in scores nothing.
  const login = identity.lastLoginAtMs === null ? 0 : recencyScore(identity.lastLoginAtMs, nowMs);
  return (roles + accounts + requests + modified / 2 + login) / 5;
}

function requestScore(requests: number): number {
  return requests > 5 ? 100 : 20 * requests;
}

/** By whole days; a time ahead of ours is today. */
function recencyScore(atMs: number, nowMs: number): number {
  const days = Math.max(0, Math.floor((nowMs - atMs) / DAY_MS));
  return days <= 10 ? 100 - 10 * days : 10;
}
