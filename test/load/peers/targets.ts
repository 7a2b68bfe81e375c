/** One row of a run: medians over the rounds. */
export interface Row {
  scenario: string;
  peer: string;
  'events/s': number;
  'CPU s per million': number;
  'peak RSS MB': number;
  /** Of the events sent: those that came (UDP promises none). */
  'came %': number;
}

/** A target of the speed page: what is compared, what was reached, and whether that is enough. */
export interface Verdict {
  target: string;
  wanted: string;
  reached: string;
  met: 'met' | 'missed' | 'not measured';
}

type Figure = 'events/s' | 'CPU s per million';

/** The targets that a run beside the peers can tell. Ratios of one interleaved run. */
export function verdicts(rows: readonly Row[]): Verdict[] {
  const value = (scenario: string, peer: string, figure: Figure): number | undefined => rows.find((row) => row.scenario === scenario && row.peer === peer)?.[figure];
  const ratio = (target: string, scenario: string, peer: string, figure: Figure, limit: number, over = scenario): Verdict => {
    const ours = value(scenario, 'tidegate', figure);
    const theirs = value(over, peer, figure);
    const least = figure === 'events/s';
    const wanted = `${figure} ${least ? '>=' : '<='} ${limit} x ${peer === 'tidegate' ? over : peer}`;
    if (ours === undefined || theirs === undefined || theirs === 0) return { target, wanted, reached: '-', met: 'not measured' };
    const reached = ours / theirs;
    return { target, wanted, reached: `${reached.toFixed(2)} x`, met: (least ? reached >= limit : reached <= limit) ? 'met' : 'missed' };
  };
  return [
    ...['cef', 'structured data'].flatMap((scenario) => [
      ratio(`${scenario} over TCP, sealed`, scenario, 'rsyslog', 'events/s', 1.5),
      ratio(`${scenario} over TCP, sealed`, scenario, 'rsyslog', 'CPU s per million', 0.6),
      ratio(`${scenario} over TCP, sealed`, scenario, 'fluent-bit', 'events/s', 1.1),
    ]),
    ratio('JSON lines, sealed', 'json lines', 'rsyslog', 'events/s', 1.2),
    // CPU per event with eight, over that with one: an eighth of it is the CPU per delivery.
    ratio('8 integrations of one shape, CPU per event (0.2 per delivery)', 'cef to 8', 'tidegate', 'CPU s per million', 1.6, 'cef'),
    ratio('8 integrations of one shape', 'cef to 8', 'fluent-bit', 'events/s', 4),
    ratio('UDP, cef', 'cef over udp', 'rsyslog', 'events/s', 1.3),
  ];
}
