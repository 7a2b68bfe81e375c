import { describe, expect, it } from '@jest/globals';
import { standsAt } from './start-position.js';

describe('where an integration stands in a partition', () => {
  const integration = { startPositions: { 0: 5, 1: 7 }, startLog: 'a', resumePositions: { 0: { position: 40, resets: 0, log: 'a' } } };

  it('is the furthest of its cursor and of what is kept with it', () => {
    expect(standsAt(integration, 0, { position: 30, resets: 0 })?.position).toBe(40);
    expect(standsAt(integration, 0, { position: 50, resets: 0 })?.position).toBe(50);
  });

  it('is what is kept with it when its cursors are lost, else where its first enabling said, else not known', () => {
    expect(standsAt(integration, 0, undefined)).toEqual({ position: 40, resets: 0, log: 'a' });
    expect(standsAt(integration, 1, undefined)).toEqual({ position: 7, resets: 0, log: 'a' });
    expect(standsAt(integration, 2, undefined)).toBeUndefined();
  });

  it('is its cursor when that was set back since, because the log was replaced', () => {
    expect(standsAt(integration, 0, { position: 3, resets: 1, log: 'b' })).toEqual({ position: 3, resets: 1, log: 'b' });
  });
});
