/** Where an integration goes on in each partition of the new log, found while the events it has not received are appended there. */
export class CopiedPositions {
  /** First appended event that an integration has not received, by `<integration id>:<new partition>`. */
  private readonly firstUnread: Map<string, number>;

  /** @param known from an earlier run that did not end */
  constructor(
    /** How far each integration is in each partition of the former log, by `<integration id>:<former partition>`. */
    private readonly cursors: ReadonlyMap<string, number>,
    private readonly integrationIds: readonly string[],
    known: Readonly<Record<string, number>> = {},
  ) {
    this.firstUnread = new Map(Object.entries(known));
  }

  /** Where reading of a former partition has to begin, or undefined when nobody has anything to read there. */
  firstWanted(formerPartition: number): number | undefined {
    const positions = this.integrationIds.flatMap((id) => this.cursors.get(`${id}:${formerPartition}`) ?? []);
    return positions.length === 0 ? undefined : Math.min(...positions);
  }

  /** An event of the former log lies in the new one now. */
  moved(former: { partition: number; offset: number }, now: { partition: number; offset: number }): void {
    for (const id of this.integrationIds) {
      if (former.offset < (this.cursors.get(`${id}:${former.partition}`) ?? Number.POSITIVE_INFINITY)) continue;
      const key = `${id}:${now.partition}`;
      this.firstUnread.set(key, Math.min(this.firstUnread.get(key) ?? Number.POSITIVE_INFINITY, now.offset));
    }
  }

  /** @param end of the new partition after everything was appended */
  cursorOf(integrationId: string, newPartition: number, end: number): number {
    return this.firstUnread.get(`${integrationId}:${newPartition}`) ?? end;
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(this.firstUnread);
  }
}
