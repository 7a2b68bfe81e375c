import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { mitigationFields, SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import type { Principal } from '../../platform/access/rights.js';
import { StoredSettings } from '../../platform/settings/stored-settings.js';

/** How alerts are mitigated; see `mitigation` in the settings for each. */
export type Mitigation = Settings['mitigation'];
export type MitigationPatch = { [K in keyof Mitigation]?: Mitigation[K] | null };

export interface MitigationView {
  settings: Mitigation;
  version: number;
  updatedAt: Date | null;
  /** Names that were set here; all others have the default of file and environment. */
  changed: string[];
}

const NAME = 'mitigation';
const storedSchema = z.object(mitigationFields).partial();

/** Settings of the mitigation: defaults from file and environment, changed by administrators while the service runs. */
@Injectable()
export class MitigationSettings {
  constructor(private readonly stored: StoredSettings, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'mitigation'>) {}

  /** At most a second old; cheap enough to ask for each alert. @throws when the document store does not answer */
  async get(): Promise<Mitigation> {
    return (await this.view()).settings;
  }

  async view(): Promise<MitigationView> {
    return this.viewOf(await this.stored.get(NAME));
  }

  /** null gives a setting its default again. @throws Problem 409 */
  async change(patch: MitigationPatch, version: number | undefined, principal: Principal): Promise<MitigationView> {
    const values = Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, value ?? undefined]));
    const shown = (key: string) => this.settings.mitigation[key as keyof Mitigation];
    return this.viewOf(await this.stored.change(NAME, values, { version, principal, shown }));
  }

  private viewOf({ values, version, updatedAt }: Awaited<ReturnType<StoredSettings['get']>>): MitigationView {
    // A value that this version of the service does not understand any more counts as not set.
    const known = Object.entries(values).filter(([key, value]) => key in storedSchema.shape && storedSchema.safeParse({ [key]: value }).success);
    return { settings: { ...this.settings.mitigation, ...(Object.fromEntries(known) as Partial<Mitigation>) }, version, updatedAt, changed: known.map(([key]) => key) };
  }
}
