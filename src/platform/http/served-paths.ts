import type { NextFunction, Request, Response } from 'express';
import { Problem } from './problem.js';

/** What a process serves that has not the role `api`: only what supervisors and monitors ask. */
export const OPERATIONS_PATHS: readonly string[] = ['/health/live', '/health/ready', '/metrics'];

/** Answers every other path with 404, whatever routes the modules of this process bring along. */
export function serveOnly(paths: readonly string[]): (request: Request, response: Response, next: NextFunction) => void {
  const served = new Set(paths);
  return (request, _response, next) => {
    if (served.has(request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path)) next();
    else next(new Problem(404, 'not-served-here', 'This process has not the role api: it serves /health/live, /health/ready and /metrics. Ask a process with TIDEGATE_ROLES=api.'));
  };
}
