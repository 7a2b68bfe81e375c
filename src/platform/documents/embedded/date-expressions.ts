import { badValue } from './errors.js';
import { type Doc, Rank, numeric, rankOf } from './values.js';

/** $dateTrunc and $dateToString (MongoDB manual, "Date Expression Operators"), in UTC, a fixed offset or an IANA zone. */

const DAY_MS = 86_400_000;
const UNIT_MS: Record<string, number> = { millisecond: 1, second: 1000, minute: 60_000, hour: 3_600_000, day: DAY_MS, week: 7 * DAY_MS };
const UNIT_MONTHS: Record<string, number> = { month: 1, quarter: 3, year: 12 };
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
/** Bins are counted from here, in the zone asked for. */
const REFERENCE = Date.UTC(2000, 0, 1);

export function dateTrunc({ date, unit, binSize, timezone, startOfWeek }: Doc): Date | null {
  if (date === null || unit === null) return null;
  const at = dateOf('$dateTrunc', date);
  const bins = binSize === null || binSize === undefined ? 1 : rankOf(binSize) === Rank.number ? Number(numeric(binSize)) : NaN;
  if (!Number.isInteger(bins) || bins <= 0) throw badValue("$dateTrunc requires 'binSize' to be greater than 0");
  if (typeof unit !== 'string') throw badValue("$dateTrunc requires 'unit' to be a string");
  const zone = zoneOf(timezone);
  const local = at + zone(at);
  const months = UNIT_MONTHS[unit];
  if (months !== undefined) {
    const day = new Date(local);
    const month = (day.getUTCFullYear() - 2000) * 12 + day.getUTCMonth();
    return new Date(fromLocal(Date.UTC(2000, floorTo(month, months * bins), 1), zone));
  }
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) throw badValue(`unknown time unit value: ${unit}`);
  // Hours and below run evenly through a change of the clocks, so they are counted in real time from the reference in the zone.
  if (unitMs < DAY_MS) {
    const reference = fromLocal(REFERENCE, zone);
    return new Date(reference + floorTo(at - reference, unitMs * bins));
  }
  const reference = unit === 'week' ? firstWeekday(startOfWeek) : REFERENCE;
  return new Date(fromLocal(reference + floorTo(local - reference, unitMs * bins), zone));
}

const floorTo = (value: number, step: number) => Math.floor(value / step) * step;

/** The first such weekday on or after the reference, a Saturday. */
function firstWeekday(name: unknown): number {
  const wanted = name === null || name === undefined ? 0 : WEEKDAYS.findIndex((day) => typeof name === 'string' && (day === name.toLowerCase() || day.slice(0, 3) === name.toLowerCase()));
  if (wanted < 0) throw badValue(`unknown day of week value: ${String(name)}`);
  return REFERENCE + ((wanted - 6 + 7) % 7) * DAY_MS;
}

export function dateToString({ date, format, timezone, onNull }: Doc): unknown {
  if (date === null) return onNull ?? null;
  const at = dateOf('$dateToString', date);
  if (format === null) return null;
  const offset = zoneOf(timezone)(at);
  const local = new Date(at + offset);
  const pattern = format ?? (timezone === undefined || offset === 0 ? '%Y-%m-%dT%H:%M:%S.%LZ' : '%Y-%m-%dT%H:%M:%S.%L');
  if (typeof pattern !== 'string') throw badValue("$dateToString requires that 'format' be a string");
  return pattern.replace(/%([\s\S]?)/g, (_all, specifier: string) => part(specifier, local, offset));
}

function part(specifier: string, local: Date, offsetMs: number): string {
  const padded = (value: number, width: number) => String(value).padStart(width, '0');
  const iso = isoWeek(local);
  const dayOfYear = Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
  switch (specifier) {
    case 'Y':
      return padded(local.getUTCFullYear(), 4);
    case 'm':
      return padded(local.getUTCMonth() + 1, 2);
    case 'd':
      return padded(local.getUTCDate(), 2);
    case 'H':
      return padded(local.getUTCHours(), 2);
    case 'M':
      return padded(local.getUTCMinutes(), 2);
    case 'S':
      return padded(local.getUTCSeconds(), 2);
    case 'L':
      return padded(local.getUTCMilliseconds(), 3);
    case 'j':
      return padded(dayOfYear, 3);
    case 'w':
      return String(local.getUTCDay() + 1);
    case 'u':
      return String(local.getUTCDay() || 7);
    case 'U':
      return padded(Math.floor((dayOfYear + 6 - local.getUTCDay()) / 7), 2);
    case 'V':
      return padded(iso.week, 2);
    case 'G':
      return padded(iso.year, 4);
    case 'z': {
      const minutes = Math.abs(Math.trunc(offsetMs / 60_000));
      return `${offsetMs < 0 ? '-' : '+'}${padded(Math.floor(minutes / 60), 2)}${padded(minutes % 60, 2)}`;
    }
    case 'Z':
      return String(Math.trunc(offsetMs / 60_000));
    case '%':
      return '%';
    default:
      throw badValue(`Invalid format character '%${specifier}' in format string`);
  }
}

/** ISO 8601: the week belongs to the year of its Thursday. */
function isoWeek(local: Date): { year: number; week: number } {
  const thursday = new Date(local.getTime() + (4 - (local.getUTCDay() || 7)) * DAY_MS);
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1 };
}

function dateOf(operator: string, date: unknown): number {
  if (!(date instanceof Date)) throw badValue(`${operator} requires 'date' to be convertible to a date`);
  return date.getTime();
}

/** What a zone adds to UTC at a moment, in milliseconds. */
type Zone = (atMs: number) => number;
const zones = new Map<string, Zone>();

function zoneOf(name: unknown): Zone {
  if (name === undefined || name === null || name === 'UTC' || name === 'GMT' || name === 'Z') return () => 0;
  if (typeof name !== 'string') throw badValue('timezone must evaluate to a string');
  const fixed = /^([+-])(\d{2}):?(\d{2})?$/.exec(name);
  if (fixed) {
    const offset = (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3] ?? 0)) * 60_000;
    return () => offset;
  }
  let zone = zones.get(name);
  if (!zone) zones.set(name, (zone = ianaZone(name)));
  return zone;
}

function ianaZone(name: string): Zone {
  let clock: Intl.DateTimeFormat;
  try {
    clock = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric', era: 'short' });
  } catch {
    throw badValue(`unrecognized time zone identifier: "${name}"`);
  }
  return (atMs) => {
    const parts = Object.fromEntries(clock.formatToParts(atMs).map(({ type, value }) => [type, value]));
    const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
    const local = Date.UTC(year, Number(parts['month']) - 1, Number(parts['day']), Number(parts['hour']), Number(parts['minute']), Number(parts['second']));
    return local - Math.floor(atMs / 1000) * 1000;
  };
}

/** The moment at which the zone's clocks show this; the first one after a gap. */
function fromLocal(local: number, zone: Zone): number {
  const guess = local - zone(local);
  const better = local - zone(guess);
  return better + zone(better) === local ? better : guess;
}
