import { describe, expect, it } from '@jest/globals';
import { verdicts, type Row } from '../../load/peers/targets.js';

const row = (scenario: string, peer: string, perSecond: number, cpu: number): Row => ({ scenario, peer, 'events/s': perSecond, 'CPU s per million': cpu, 'peak RSS MB': 100, 'came %': 100 });
const verdictOn = (rows: Row[], target: string, wanted: string) => verdicts(rows).find((verdict) => verdict.target.startsWith(target) && verdict.wanted === wanted);

describe('the targets beside the peers', () => {
  it('are met or missed by the ratio within one run', () => {
    const rows = [row('cef', 'tidegate', 150, 6), row('cef', 'rsyslog', 100, 10)];
    expect(verdictOn(rows, 'cef over TCP', 'events/s >= 1.5 x rsyslog')).toMatchObject({ reached: '1.50 x', met: 'met' });
    expect(verdictOn(rows, 'cef over TCP', 'CPU s per million <= 0.6 x rsyslog')).toMatchObject({ reached: '0.60 x', met: 'met' });
    expect(verdictOn([row('cef', 'tidegate', 149, 6.1), row('cef', 'rsyslog', 100, 10)], 'cef over TCP', 'events/s >= 1.5 x rsyslog')).toMatchObject({ met: 'missed' });
    expect(verdictOn([row('cef', 'tidegate', 149, 6.1), row('cef', 'rsyslog', 100, 10)], 'cef over TCP', 'CPU s per million <= 0.6 x rsyslog')).toMatchObject({ met: 'missed' });
  });

  it('compare eight integrations with one of Tidegate itself', () => {
    const wanted = 'CPU s per million <= 1.6 x cef';
    expect(verdictOn([row('cef', 'tidegate', 100, 10), row('cef to 8', 'tidegate', 100, 16)], '8 integrations', wanted)).toMatchObject({ met: 'met' });
    expect(verdictOn([row('cef', 'tidegate', 100, 10), row('cef to 8', 'tidegate', 100, 17)], '8 integrations', wanted)).toMatchObject({ met: 'missed' });
  });

  it('are never called met where a peer or a run is missing', () => {
    for (const verdict of verdicts([row('cef', 'tidegate', 150, 6)])) expect(verdict.met).toBe('not measured');
  });
});
