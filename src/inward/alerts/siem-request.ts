import { NotFoundException } from '@nestjs/common';
import { SIEM_PATH } from '../../platform/http/siem-paths.js';
import type { GateRequest } from '../../platform/http/request.js';
import { SiemRefusal } from './siem-answer.js';

/** The path below the base path, without a single trailing slash. Upper and lower case count here, unlike elsewhere. @throws NotFoundException when it is none of `known` */
export function siemPathOf(request: GateRequest, known: readonly string[]): string {
  const path = request.path.startsWith(`${SIEM_PATH}/`) ? request.path.slice(SIEM_PATH.length + 1).replace(/\/$/, '') : '';
  if (!known.includes(path)) throw nothingAt(request);
  return path;
}

export function nothingAt(request: GateRequest): NotFoundException {
  return new NotFoundException(`There is nothing at ${request.method} ${request.originalUrl.split('?')[0]?.slice(0, 300) ?? ''}.`);
}

/** Refuses another verb at one of the paths. @throws SiemRefusal 405, or NotFoundException */
export function refuseVerb(request: GateRequest, verbOf: Readonly<Record<string, string>>): never {
  const verb = verbOf[siemPathOf(request, Object.keys(verbOf))] ?? '';
  throw new SiemRefusal(405, 'method-not-allowed', `This is asked for by ${verb}.`, '', { Allow: verb });
}

/** The JSON of the body, whatever content type was sent; undefined when there is none. @throws SiemRefusal 400 */
export function siemJson(request: GateRequest): unknown {
  const bytes = request.rawBody;
  if (!bytes || bytes.length === 0) return request.body as unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.trim() === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    throw new SiemRefusal(400, 'malformed-json', 'The body is not JSON in UTF-8.');
  }
}
