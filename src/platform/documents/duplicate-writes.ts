const DUPLICATE_KEY = 11_000;

/** Which writes of an unordered bulk met a document that is there already, by their place in it; undefined when one failed for another reason. */
export function duplicateWrites(error: unknown): ReadonlySet<number> | undefined {
  if (!(error instanceof Error && 'writeErrors' in error)) return undefined;
  const places = new Set<number>();
  const refused: unknown = error.writeErrors;
  for (const each of Array.isArray(refused) ? (refused as readonly unknown[]) : [refused]) {
    if (typeof each !== 'object' || each === null || !('code' in each) || each.code !== DUPLICATE_KEY || !('index' in each) || typeof each.index !== 'number') return undefined;
    places.add(each.index);
  }
  // A fault that names no write, as one of the write concern: nothing is known to be stored.
  return places.size === 0 ? undefined : places;
}

/** Whether a single write was refused because such a document is there already. */
export function isDuplicateWrite(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === DUPLICATE_KEY;
}
