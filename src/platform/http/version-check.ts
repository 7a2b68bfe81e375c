import { Problem } from './problem.js';

/** What a writer says he has read: `If-Match` (RFC 9110, 13.1.1), a version in the body, or neither. */
export interface Precondition {
  ifMatch?: string;
  version?: number;
}

/** The ETag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** @throws Problem 412 (header) or 409 (body) with the current version when another one was read; 400 for a header that is none. */
export function checkPrecondition(precondition: Precondition, currentVersion: number): void {
  const { ifMatch, version } = precondition;
  const extra = { currentVersion, headers: { ETag: etagOf(currentVersion) } };
  if (ifMatch !== undefined && ifMatch.trim() !== '*' && !entityTags(ifMatch).includes(String(currentVersion))) {
    throw new Problem(412, 'precondition-failed', `Somebody else changed it: the version is ${currentVersion} by now. Read it again and repeat the change.`, extra);
  }
  if (version !== undefined && version !== currentVersion) {
    throw new Problem(409, 'version-conflict', `Somebody else changed it: the version is ${currentVersion} by now, not ${version}. Read it again and repeat the change.`, extra);
  }
}

/** The tags of the header. A weak one counts as well: proxies that compress make them weak. */
function entityTags(header: string): string[] {
  const tags = header.split(',').map((tag) => /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(tag)?.[1]);
  if (tags.some((tag) => tag === undefined)) throw new Problem(400, 'invalid-request', 'If-Match must be * or quoted versions, for example If-Match: "3".');
  return tags as string[];
}
