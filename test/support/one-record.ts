import type { Rendered } from '../../src/contracts/format.js';

/** The one record of an event. @throws Error saying what came instead */
export function oneRecord(rendered: Rendered): { text: string; shortened: boolean } {
  switch (rendered.type) {
    case 'rendered': return rendered;
    case 'parts': throw new Error(`${rendered.texts.length} parts instead of one record`);
    case 'reject': throw new Error(rendered.reason);
  }
}
