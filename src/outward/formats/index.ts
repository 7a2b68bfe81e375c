import type { Format } from '../../contracts/format.js';
import type { OutputType } from '../../model/integration.js';
import { cefFormat } from './cef/cef.format.js';
import { ecsFormat } from './ecs/ecs.format.js';
import { jsonFormat } from './json/json.format.js';
import { leefFormat } from './leef/leef.format.js';
import { ocsfFormat } from './ocsf/ocsf.format.js';
import { syslogFormat } from './syslog/syslog.format.js';

/** Every output type. A new one costs a folder, a line here and its golden files. */
export const FORMATS: readonly Format[] = [syslogFormat, jsonFormat, cefFormat, leefFormat, ocsfFormat, ecsFormat];

const byOutputType: Record<OutputType, Format> = { syslog: syslogFormat, json: jsonFormat, cef: cefFormat, leef: leefFormat, ocsf: ocsfFormat, ecs: ecsFormat };

export function formatFor(outputType: OutputType): Format {
  return byOutputType[outputType];
}
