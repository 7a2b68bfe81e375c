import type { NextFunction, Request, Response } from 'express';

/** Where the SIEM's door lies inside the service; `siem.basePath` says where a SIEM finds it. */
export const SIEM_PATH = '/plugin/rest/SIEMPlugin';
/** Beside it, under the same context: tokens (RFC 6749) and task results (SCIM, RFC 7644). */
const NEIGHBOURS = ['/oauth2/', '/scim/v2/'];

/** Bodies are kept as bytes below these: a SIEM need not name a content type, and a token is asked for by form. */
export const SIEM_RAW_PATHS: readonly string[] = [`${SIEM_PATH}/*path`, '/oauth2/*path'];

/**
 * Leads requests below the configured base path, and those for its neighbours below the same context, to where the routes are. For `/identityiq/plugin/rest/SIEMPlugin` the context
 * is `/identityiq`; a base path of another shape is its own context. Upper and lower case count.
 */
export function siemPaths(basePath: string): (request: Request, response: Response, next: NextFunction) => void {
  const context = basePath.endsWith(SIEM_PATH) ? basePath.slice(0, -SIEM_PATH.length) : basePath;
  const rewrites: ReadonlyArray<readonly [from: string, to: string]> = [[`${basePath}/`, `${SIEM_PATH}/`], ...NEIGHBOURS.map((path) => [`${context}${path}`, path] as const)];
  return (request, _response, next) => {
    const found = rewrites.find(([from]) => request.url.startsWith(from));
    if (found) request.url = `${found[1]}${request.url.slice(found[0].length)}`;
    else if (request.path === basePath) request.url = `${SIEM_PATH}${request.url.slice(basePath.length)}`;
    next();
  };
}
