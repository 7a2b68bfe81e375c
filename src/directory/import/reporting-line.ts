import { naturalKey } from '../natural-key.js';
import type { IdentityBody } from '../identity.kind.js';
import type { ImportRow } from './import-rows.js';

export interface ManagerOrder {
  /** Rows of a wave name only managers of earlier waves, or such as are not in the import. */
  waves: Array<Array<ImportRow<IdentityBody>>>;
  /** Rows whose managers manage each other in a circle, and those below them. */
  circles: Array<ImportRow<IdentityBody>>;
}

/** Managers before those whom they manage, whatever the order in the file. */
export function managerOrder(rows: ReadonlyArray<ImportRow<IdentityBody>>): ManagerOrder {
  const managers = new Map<string, string | undefined>();
  for (const { body } of rows) {
    if (body.type !== 'body') continue;
    const [own, manager] = [naturalKey(body.body.name), typeof body.body.manager === 'string' ? naturalKey(body.body.manager) : undefined];
    if (!managers.has(own)) managers.set(own, manager === own ? undefined : manager);
  }
  const waveOf = new Map<string, number>();
  const order: ManagerOrder = { waves: [], circles: [] };
  for (const row of rows) {
    const wave = row.body.type === 'body' ? depth(naturalKey(row.body.body.name), managers, waveOf) : 0;
    if (wave === Infinity) order.circles.push(row);
    else (order.waves[wave] ??= []).push(row);
  }
  order.waves = order.waves.filter((wave) => wave !== undefined);
  return order;
}

/** How many managers of the import stand above somebody; Infinity in a circle. Remembers what it found. */
function depth(name: string, managers: ReadonlyMap<string, string | undefined>, known: Map<string, number>): number {
  const path: string[] = [];
  const onPath = new Set<string>();
  let at: string | undefined = name;
  while (at !== undefined && managers.has(at) && !known.has(at) && !onPath.has(at)) {
    path.push(at);
    onPath.add(at);
    at = managers.get(at);
  }
  let wave = at === undefined || !managers.has(at) ? -1 : onPath.has(at) ? Infinity : (known.get(at) ?? -1);
  for (const one of path.reverse()) {
    wave += 1;
    known.set(one, wave);
  }
  return known.get(name) ?? 0;
}
