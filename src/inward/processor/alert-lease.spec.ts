import { describe, expect, it } from '@jest/globals';
import { AlertLease, LeaseLost } from './alert-lease.js';

describe('the lease of an alert', () => {
  const open = (renew: (until: Date) => Promise<boolean>) => {
    const time = { now: 10_000 };
    return { time, lease: new AlertLease({ alertId: 'a', token: 't', claimedAt: time.now, leaseMs: 1000, marginMs: 200, clock: { now: () => time.now }, renew }) };
  };

  it('needs no write while there is time enough for a call', async () => {
    let renewals = 0;
    const { time, lease } = open(() => Promise.resolve((renewals += 1) > 0));
    time.now += 799;
    await lease.ensure();
    expect(renewals).toBe(0);
  });

  it('is asked for at the store when the time gets short, for example after the process was stopped, and goes on when nobody else has it', async () => {
    const asked: number[] = [];
    const { time, lease } = open((until) => Promise.resolve(asked.push(until.getTime()) > 0));
    time.now += 5000;
    await lease.ensure();
    expect(asked).toEqual([16_000]);
    time.now += 799;
    await lease.ensure();
    expect(asked).toHaveLength(1);
  });

  it('is lost for good when another has it', async () => {
    const answers = [false, true];
    const { time, lease } = open(() => Promise.resolve(answers.shift() ?? true));
    time.now += 5000;
    await expect(lease.ensure()).rejects.toThrow(LeaseLost);
    expect(lease.signal.aborted).toBe(true);
    await expect(lease.ensure()).rejects.toThrow(LeaseLost);
    expect(answers).toEqual([true]);
  });

  it('counts as lost when the store does not answer in time', async () => {
    const { time, lease } = open(() => Promise.reject(new Error('no answer')));
    await lease.ensure();
    time.now += 900;
    await expect(lease.ensure()).rejects.toThrow(LeaseLost);
  });

  it('counts from when it was asked for, not from the answer', async () => {
    const time = { now: 0 };
    const lease = new AlertLease({ alertId: 'a', token: 't', claimedAt: 0, leaseMs: 1000, marginMs: 200, clock: { now: () => time.now }, renew: () => { time.now += 900; return Promise.resolve(true); } });
    time.now = 850;
    // Asked at 850 and answered at 1750: it holds until 1850, which is too short for a call.
    await expect(lease.ensure()).rejects.toThrow(LeaseLost);
  });
});
