import type { FormatSettings } from '../../src/contracts/format.js';

/** Complete format settings for tests; every value is fixed. */
export function formatSettings(changes: Partial<FormatSettings> = {}): FormatSettings {
  return {
    outputType: 'syslog', header: 'rfc5424', facility: 13, appName: 'tidegate', hostname: 'gate.example.com', enterpriseNumber: 32473, bom: false, timeZone: 'UTC', maxBytes: 8192, oversize: 'shorten',
    cef: { version: 0, vendor: 'Tidegate', product: 'Tidegate', deviceVersion: '1' },
    leef: { version: '1.0', delimiter: 'tab', vendor: 'Tidegate', product: 'Tidegate', deviceVersion: '1' },
    ocsf: { version: '1.8.0', vendor: 'Tidegate', product: 'Tidegate' },
    ecs: { version: '9.4.0', dataset: 'tidegate.audit' },
    ...changes,
  };
}
