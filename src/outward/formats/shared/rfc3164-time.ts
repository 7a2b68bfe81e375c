/**
 * RFC 3164 timestamps (4.1.2): `Mmm dd hh:mm:ss`, day padded with a space, no year and no zone, in the zone that the administrator chose.
 */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const QUARTER_MS = 900_000;
const OFFSETS_KEPT = 256;

export class Rfc3164Time {
  private readonly zone: Intl.DateTimeFormat | null;
  /** Zones change their offset at quarters of an hour at the finest, so one look-up serves all events of a quarter. */
  private readonly offsetsMs = new Map<number, number>();
  private second = Number.NaN;
  private text = '';

  /** @throws RangeError when the zone is not known. */
  constructor(timeZone: string) {
    this.zone = timeZone === 'UTC' ? null : new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric', era: 'short' });
  }

  format(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second === this.second) return this.text;
    const local = new Date(epochMs + this.offsetMs(epochMs));
    const day = local.getUTCDate();
    this.second = second;
    this.text = `${MONTHS[local.getUTCMonth()]} ${day < 10 ? ' ' : ''}${day} ${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
    return this.text;
  }

  private offsetMs(epochMs: number): number {
    if (this.zone === null) return 0;
    const quarter = Math.floor(epochMs / QUARTER_MS);
    const known = this.offsetsMs.get(quarter);
    if (known !== undefined) return known;
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
    for (const part of this.zone.formatToParts(epochMs)) parts[part.type] = part.value;
    const local = Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day), Number(parts.hour), Number(parts.minute), Number(parts.second));
    const offset = local - Math.floor(epochMs / 1000) * 1000;
    if (this.offsetsMs.size >= OFFSETS_KEPT) this.offsetsMs.clear();
    this.offsetsMs.set(quarter, offset);
    return offset;
  }
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
